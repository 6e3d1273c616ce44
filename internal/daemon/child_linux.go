package daemon

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/wrap"
)

// A child is one worker.
type child struct {
	pid     int
	control int // its end tells the worker to drain
	started time.Time
	status  syscall.WaitStatus
}

func describe(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "signal " + strconv.Itoa(int(s.Signal()))
	}
	return "exit code " + strconv.Itoa(s.ExitStatus())
}

// fork starts the program as a worker.
func (s *supervisor) fork() (*child, error) {
	ours, theirs, err := fd.SocketPair()
	if err != nil {
		return nil, diag.FailSys("create a control channel", err)
	}
	defer syscall.Close(theirs)
	var env []string
	for _, item := range ucspi.IOEnviron(os.Environ()) {
		if !strings.HasPrefix(item, "GOMAXPROCS=") {
			env = append(env, item)
		}
	}
	exe := wrap.Self(option.TLSDIOD.Program)
	argv := append([]string{workerName}, s.words[1:]...)
	pid, err := syscall.ForkExec(exe, argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, 1, 2, uintptr(s.socket.fd), uintptr(theirs)}})
	if err != nil {
		syscall.Close(ours)
		return nil, diag.FailSys("start "+exe, err)
	}
	c := &child{pid: pid, control: ours}
	go s.watch(c)
	return c, nil
}

// watch passes on what a worker says, and that it has ended. It parses what
// strangers send, so it may be somebody else's by now: it can say two things, the
// second now and then, and its end of the channel lasts as long as it does. A
// worker that breaks this is ended.
func (s *supervisor) watch(c *child) {
	process, _ := os.FindProcess(c.pid) // it is our child, and not reaped yet
	for told := false; ; {
		ready, full, sound := hear(c.control)
		if !sound || ready && told {
			process.Kill()
			break
		}
		if ready {
			told = true
			s.ready <- c
		}
		if full {
			s.full <- c
			time.Sleep(fullPause)
		}
		if !ready && !full {
			break
		}
	}
	late := time.AfterFunc(endGrace, func() { process.Kill() })
	if state, err := process.Wait(); err == nil {
		c.status, _ = state.Sys().(syscall.WaitStatus)
	}
	late.Stop()
	s.ended <- c
}

// hear reads what a worker has said meanwhile; nothing is the channel's end.
func hear(control int) (ready, full, sound bool) {
	var b [16]byte // an honest one never has so much to say
	n, err := syscall.Read(control, b[:])
	for err == syscall.EINTR {
		n, err = syscall.Read(control, b[:])
	}
	for _, word := range b[:max(n, 0)] {
		switch {
		case word == messageReady && !ready:
			ready = true
		case word == messageFull:
			full = true
		default:
			return false, false, false
		}
	}
	return ready, full, n < len(b)
}
