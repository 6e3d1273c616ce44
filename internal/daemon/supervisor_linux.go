package daemon

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/lockfile"
	"ucspitls/internal/option"
)

const (
	lookEvery   = time.Second      // at the files
	firstWait   = time.Second      // before a worker that crashed is replaced; doubled each time
	longestWait = 30 * time.Second // ... up to this
	healthy     = time.Minute      // a worker that lived so long did not crash at once
	fullPause   = time.Second      // before a worker that says it is full is listened to again
	endGrace    = 2 * time.Second  // from the end of a worker's channel to its own
	mostFull    = 16               // workers that drain while one takes their place for want of room
)

// A supervisor is the process that was started. One goroutine, that of run, has
// it all.
type supervisor struct {
	system
	printer *diag.Printer
	words   []string // the command line
	socket  *socket
	notify  int // -1: readiness was told

	signals chan os.Signal
	ready   chan *child
	full    chan *child
	ended   chan *child
	look    <-chan time.Time // at the files

	current  *child // serves
	next     *child // gets ready
	draining map[*child]bool
	stopping bool

	seen, settled string // the files as they were last, and as the workers know them
	wait          time.Duration
	retry         <-chan time.Time
}

// A system is what a supervisor needs of the one it runs on.
type system struct {
	spawn func() (*child, error) // a worker, which is watched
	kill  func(*child)
	files func() string // what they look like
	now   func() time.Time
	after func(time.Duration) <-chan time.Time
}

func supervise(p *diag.Printer, o *option.Values, words []string, path string) error {
	notify, err := ownNotify(o.Number(option.NotifyFD))
	if err != nil {
		return err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	s := &supervisor{
		printer: p, words: words, notify: notify,
		signals: make(chan os.Signal, 8), ready: make(chan *child), full: make(chan *child), ended: make(chan *child),
		look: look.C, draining: map[*child]bool{}, wait: firstWait,
	}
	s.system = system{
		spawn: s.fork,
		kill:  func(c *child) { syscall.Kill(c.pid, syscall.SIGKILL) },
		files: func() string { return snapshot(os.Environ()) },
		now:   time.Now, after: time.After,
	}
	signal.Notify(s.signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	s.socket, err = listen(path, option.Numbers(o.Text(option.UIDs)), lockfile.Wait{Warn: p.Warning, Pause: s.pause, Now: s.now})
	switch {
	case err == lockfile.ErrStopped:
		return nil
	case err != nil:
		return err
	}
	defer s.socket.remove()
	s.seen = s.files()
	s.settled = s.seen
	if err := s.start(); err != nil {
		return err
	}
	return s.run()
}

// pause waits before there is anything to reload. It returns false if the program is to end.
func (s *supervisor) pause(d time.Duration) bool {
	over := s.after(d)
	for {
		select {
		case <-over:
			return true
		case sent := <-s.signals:
			if sent != syscall.SIGHUP {
				return false
			}
		}
	}
}

// over reports whether it was stopped and the last worker has ended.
func (s *supervisor) over() bool { return s.stopping && len(s.draining) == 0 }

func (s *supervisor) run() error {
	for !s.over() {
		if err := s.step(); err != nil {
			return err
		}
	}
	return nil
}

// step waits for one event.
func (s *supervisor) step() error {
	select {
	case sent := <-s.signals:
		switch {
		case sent == syscall.SIGHUP:
			s.reload("a signal")
		case s.stopping:
			s.abort()
		default:
			s.stop()
		}
	case c := <-s.ready:
		s.workerReady(c)
	case c := <-s.full:
		s.workerFull(c)
	case c := <-s.ended:
		return s.workerEnded(c)
	case <-s.retry:
		s.restart()
	case <-s.look:
		s.checkFiles()
	}
	return nil
}

// start starts a worker as s.next.
func (s *supervisor) start() error {
	c, err := s.spawn()
	if err != nil {
		return err
	}
	c.started = s.now()
	s.next, s.retry = c, nil
	return nil
}

func (s *supervisor) workerReady(c *child) {
	if s.next != c {
		return // it was told to go meanwhile
	}
	if s.current != nil {
		s.drain(s.current)
	}
	s.current, s.next = c, nil
	s.printer.Info("worker ", strconv.Itoa(c.pid), " serves ", s.socket.path)
	if s.notify >= 0 {
		go notifyReady(s.printer, s.notify) // who is told may be slow to listen
		s.notify = -1
	}
}

// workerFull has another worker take the place of one that has no room for more
// sessions: how many files a process may have open is a limit for each. It is a
// reload, and the full one drains. Where there are too many of them already,
// wrappers are told that it is busy.
func (s *supervisor) workerFull(c *child) {
	if c != s.current || s.next != nil || len(s.draining) >= mostFull {
		return
	}
	s.printer.Info("worker ", strconv.Itoa(c.pid), " is full: starting another")
	s.restart()
}

// workerEnded gives the error that ends the program, if it is one.
func (s *supervisor) workerEnded(c *child) error {
	syscall.Close(c.control)
	pid := strconv.Itoa(c.pid)
	switch {
	case s.draining[c]:
		delete(s.draining, c)
		s.printer.Info("worker ", pid, " has drained")
	case c == s.next && s.notify >= 0: // it never began: what it said is what is to be said
		code := c.status.ExitStatus()
		if c.status.Signaled() {
			code = diag.Signal + int(c.status.Signal())
		}
		return diag.Silent(code)
	case c == s.next && s.current != nil:
		s.next = nil
		s.printer.Warning("worker ", pid, " did not get ready (", describe(c.status), "): the one that serves goes on")
	case c == s.current && s.next != nil:
		s.current = nil
		s.printer.Warning("worker ", pid, " ended (", describe(c.status), "): another one gets ready already")
	default:
		s.next, s.current = nil, nil
		if s.now().Sub(c.started) > healthy {
			s.wait = firstWait
		}
		s.printer.Warning("worker ", pid, " ended (", describe(c.status), "): starting another in ", s.wait.String())
		s.backOff()
	}
	return nil
}

// drain has a worker accept no more and end with its last tunnel.
func (s *supervisor) drain(c *child) {
	s.draining[c] = true
	syscall.Shutdown(c.control, syscall.SHUT_WR)
}

func (s *supervisor) reload(why string) {
	if s.stopping {
		return
	}
	s.printer.Info("reloading: ", why)
	if s.next != nil { // it may have read the old files
		s.drain(s.next)
		s.next = nil
	}
	s.restart()
}

// restart starts a worker, later if that can't be done now.
func (s *supervisor) restart() {
	if s.stopping || s.next != nil {
		return
	}
	if err := s.start(); err != nil {
		s.printer.Warning(err.Error())
		s.backOff()
	}
}

// backOff has a worker started later, and the next one later still.
func (s *supervisor) backOff() {
	s.retry = s.after(s.wait)
	s.wait = min(2*s.wait, longestWait)
}

// checkFiles reloads when a file has changed and then stayed as it is: a
// certificate and its key are two files.
func (s *supervisor) checkFiles() {
	now := s.files()
	changed := now != s.seen
	s.seen = now
	if !changed && now != s.settled {
		s.settled = now
		s.reload("a file changed")
	}
}

// stop ends the service: no more connections, and the end with the last tunnel.
func (s *supervisor) stop() {
	s.stopping = true
	s.retry = nil
	s.socket.remove()
	for _, c := range []*child{s.current, s.next} {
		if c != nil {
			s.drain(c)
		}
	}
	s.current, s.next = nil, nil
}

// abort ends it at once.
func (s *supervisor) abort() {
	for c := range s.draining {
		s.kill(c)
	}
	clear(s.draining)
}
