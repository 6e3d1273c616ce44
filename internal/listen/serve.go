package listen

import (
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/resolve"
	"ucspitls/internal/resolve/socket"
	"ucspitls/internal/wrap"
)

// A server is the long-lived process. Its fields belong to the goroutine of
// serve; a second one accepts, one connection for each permit.
type server struct {
	p        *diag.Printer
	options  *option.Values
	command  []string // of a child; [0] is its path, or lookingUp
	environ  []string // of a child, without the connection
	allowing bool     // the original would have checked access
	direct   bool     // the child is prog's TLS wrapper at once
	children *children
	tunnels  *tunnels // nil: a connection counts as long as its child
}

// An arrival is an accepted connection, or why there is none.
type arrival struct {
	fd     int
	remote netip.AddrPort
	err    error
}

// retry is the pause after an error of accept, such as no descriptor left.
const retry = 100 * time.Millisecond

func (s *server) serve(listener int) error {
	signals, ended := make(chan os.Signal, 16), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	signal.Notify(ended, syscall.SIGCHLD)

	file := os.NewFile(uintptr(listener), "listener")
	permits, arrivals := make(chan struct{}), make(chan arrival)
	go accept(file, permits, arrivals)

	s.status()
	s.reap() // as pid 1, or after an exec, there may be some already
	accepting := false
	for {
		// At the limit there is no permit: the backlog waits.
		permit := permits
		if accepting || s.children.count() >= s.options.MaxConns() {
			permit = nil
		}
		select {
		case permit <- struct{}{}:
			accepting = true
		case a := <-arrivals:
			accepting = false
			s.arrived(a)
		case <-ended:
			s.reap()
		case now := <-s.tunnels.due():
			s.tunnelsEnded(now)
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				s.p.Info("received SIGHUP, sending SIGTERM and SIGCONT to all connections")
				s.children.signal(syscall.SIGTERM, syscall.SIGCONT)
				continue
			}
			// What has been accepted already gets its child first.
			file.Close()
			close(permits)
			for a := range arrivals {
				s.arrived(a)
			}
			s.quit(sig)
			s.p.Info("exiting")
			return nil
		}
	}
}

func (s *server) quit(sig os.Signal) {
	switch sig {
	case syscall.SIGTERM:
		s.p.Info("received SIGTERM, quitting")
	case syscall.SIGQUIT:
		s.p.Info("received SIGQUIT, sending SIGTERM and SIGCONT to all connections and quitting")
		s.children.signal(syscall.SIGTERM, syscall.SIGCONT)
	case syscall.SIGABRT:
		s.p.Info("received SIGABRT, sending SIGKILL to all connections and quitting")
		s.children.signal(syscall.SIGKILL)
	}
}

// accept sends one arrival for each permit, until permits is closed or the
// listener is; then it closes arrivals.
func accept(listener *os.File, permits <-chan struct{}, arrivals chan<- arrival) {
	defer close(arrivals)
	raw, err := listener.SyscallConn()
	if err != nil {
		arrivals <- arrival{err: err}
		return
	}
	for range permits {
		var a arrival
		err := raw.Read(func(n uintptr) bool {
			for {
				a.fd, a.remote, a.err = socket.Accept(int(n))
				if a.err != syscall.EINTR && a.err != syscall.ECONNABORTED {
					return a.err != syscall.EAGAIN
				}
			}
		})
		if err != nil {
			return // closed
		}
		arrivals <- a
		if a.err != nil {
			time.Sleep(retry)
		}
	}
}

// arrived starts a child for a connection, if it may have one.
func (s *server) arrived(a arrival) {
	if a.err != nil {
		s.p.Warning("unable to accept: ", a.err.Error())
		return
	}
	defer syscall.Close(a.fd)
	ip := a.remote.Addr()
	peer := ip.WithZone("").String() + "_" + diag.Int(int(a.remote.Port()))
	limit := diag.Int(s.options.MaxEach())
	before := s.children.from(ip)
	if before >= s.options.MaxEach() {
		s.p.Line(diag.Normal, "info", "reject ", peer, " count ", diag.Int(before), "/", limit)
		return
	}
	if !s.options.Rules() && !s.prepare(a.fd, peer) {
		return
	}
	environ := append(s.environ[:len(s.environ):len(s.environ)], resolve.Ends(socket.Local(a.fd), a.remote)...)
	environ = append(environ, "TCPCONNNUM="+diag.Int(before))
	if s.options.Text(option.LocalName) != "" {
		environ = append(environ, "TCPLOCALHOST="+s.options.Text(option.LocalName))
	}
	var c connection
	if s.tunnels != nil {
		var err error
		if c, err = s.tunnels.identify(a.fd, a.remote); err == syscall.ENOENT {
			return // it was reset
		} else if err != nil {
			s.p.Warning("unable to identify the connection of ", peer, ": ", err.Error())
			return
		}
	}
	pid, err := s.start(a.fd, environ)
	if err != nil {
		s.p.Warning("unable to start a process for ", peer, ": ", diag.Cause(err))
		return
	}
	s.children.add(pid, ip)
	if s.tunnels != nil {
		s.tunnels.add(pid, c)
	}
	s.p.Info("accept ", peer, " pid ", diag.Int(pid), " count ", diag.Int(before+1), "/", limit)
	if s.direct && s.allowing {
		allow(s.p, pid, ip)
	}
	s.status()
}

// prepare does what the connection itself needs.
func (s *server) prepare(fd int, peer string) bool {
	if s.options.Is(option.NoDelay) {
		if err := socket.NoDelay(fd); err != nil {
			s.p.Warning("unable to switch Nagle's algorithm off: ", err.Error())
		}
	}
	if s.options.Text(option.Banner) != "" {
		if err := socket.SendNow(fd, s.options.Text(option.Banner)); err != nil {
			s.p.Warning("unable to send the banner to ", peer, ": ", err.Error())
			return false
		}
	}
	return true
}

func (s *server) start(fd int, environ []string) (int, error) {
	path := s.command[0]
	if path == lookingUp {
		path = wrap.Self("s6-tlsserver")
	}
	return spawn(path, s.command, environ, fd)
}

// allow is the line about a connection whose child goes on to TLS.
func allow(p *diag.Printer, pid int, ip netip.Addr) {
	p.Line(diag.Normal, "info", "allow pid ", diag.Int(pid), " ip ", ip.WithZone("").String())
}

// reap takes the exit codes of all children that have ended, also of those
// that are nobody's: this may be pid 1.
func (s *server) reap() {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil || pid <= 0:
			return
		}
		ip, ok := s.children.remove(pid)
		if !ok {
			continue
		}
		if s.tunnels != nil && s.tunnels.ended(pid) {
			s.children.outlived(ip)
		}
		how := " exitcode " + diag.Int(ws.ExitStatus())
		if ws.Signaled() {
			how = " signal " + diag.Int(int(ws.Signal()))
		}
		s.p.Info("end pid ", diag.Int(pid), how, " count ", diag.Int(s.children.from(ip)), "/", diag.Int(s.options.MaxEach()))
		s.status()
	}
}

// tunnelsEnded looks which connections have ended whose child had before.
func (s *server) tunnelsEnded(now time.Time) {
	for _, c := range s.tunnels.look(now) {
		ip := c.remote.Addr()
		s.children.closed(ip)
		s.p.Info("end tunnel ", ip.WithZone("").String(), "_", diag.Int(int(c.remote.Port())), " count ", diag.Int(s.children.from(ip)), "/", diag.Int(s.options.MaxEach()))
		s.status()
	}
}

func (s *server) status() {
	s.p.Info("status: ", diag.Int(s.children.count()), "/", diag.Int(s.options.MaxConns()))
}
