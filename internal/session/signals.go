package session

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"ucspitls/internal/fd"
	"ucspitls/internal/tunnel"
)

// dying is set while a signal ends the process.
var dying atomic.Bool

// sharesNet reports whether prog may hold the network as well. It does in delayed
// mode, where the information goes to the control socket or nowhere; an
// immediate wrapper gives a pipe for it, and prog gets the network's numbers
// for its own pipes. Go's signal handling would cost a thread.
func sharesNet(fds tunnel.FDs) bool {
	return fds.Notify < 0 || fd.IsSocket(fds.Notify)
}

// endBySignal ends the connection for everybody who shares it before a signal
// ends the process: prog must not go on in cleartext. A signal that is ignored
// stays ignored.
func endBySignal(shutdown func()) {
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		s := <-signals
		dying.Store(true)
		shutdown()
		signal.Reset(s)
		syscall.Kill(syscall.Getpid(), s.(syscall.Signal))
	}()
}

// awaitSignal keeps the end of the connection from becoming the exit code when
// it was a signal that brought it.
func awaitSignal() {
	if dying.Load() {
		select {}
	}
}
