package daemon

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/lockfile"
	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/wrap"
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

// A supervisor is the process that was started. One goroutine, Run, has it all.
type supervisor struct {
	says   *diag.Printer
	words  []string // the command line
	socket *socket
	notify int

	signals chan os.Signal
	ready   chan *child
	full    chan *child
	ended   chan *child

	current  *child // serves
	next     *child // gets ready
	draining map[*child]bool
	stopping bool

	seen, settled string // the files as they were last, and as the workers know them
	wait          time.Duration
	retry         <-chan time.Time
}

// A child is one worker.
type child struct {
	pid     int
	control int // its end tells the worker to drain
	started time.Time
	status  syscall.WaitStatus
}

func supervise(p *diag.Printer, s *option.Settings, words []string, path string) error {
	notify, err := ownNotify(s.NotifyFD)
	if err != nil {
		return err
	}
	v := &supervisor{
		says: p, words: words, notify: notify,
		signals: make(chan os.Signal, 8), ready: make(chan *child), full: make(chan *child), ended: make(chan *child),
		draining: map[*child]bool{}, wait: firstWait,
	}
	signal.Notify(v.signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	v.socket, err = listen(path, s.UIDs, lockfile.Wait{Warn: p.Warning, Pause: v.pause, Now: time.Now})
	switch {
	case err == lockfile.ErrStopped:
		return nil
	case err != nil:
		return err
	}
	defer v.socket.remove()
	v.seen = snapshot(os.Environ())
	v.settled = v.seen
	if err := v.start(); err != nil {
		return err
	}
	return v.run()
}

// pause waits before there is anything to reload. It is false if the program is to end.
func (v *supervisor) pause(d time.Duration) bool {
	over := time.After(d)
	for {
		select {
		case <-over:
			return true
		case s := <-v.signals:
			if s != syscall.SIGHUP {
				return false
			}
		}
	}
}

func (v *supervisor) run() error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case s := <-v.signals:
			switch {
			case s == syscall.SIGHUP:
				v.reload("a signal")
			case v.stopping:
				v.kill()
				return nil
			default:
				v.stop()
			}
		case c := <-v.ready:
			v.isReady(c)
		case c := <-v.full:
			v.isFull(c)
		case c := <-v.ended:
			if err := v.hasEnded(c); err != nil {
				return err
			}
		case <-v.retry:
			v.retry = nil
			v.restart()
		case <-look.C:
			v.lookAtFiles()
		}
		if v.stopping && v.next == nil && len(v.draining) == 0 {
			return nil
		}
	}
}

// start starts a worker as v.next.
func (v *supervisor) start() error {
	ours, theirs, err := fd.SocketPair()
	if err != nil {
		return diag.FailSys("create a control channel", err)
	}
	defer syscall.Close(theirs)
	var env []string
	for _, item := range ucspi.IOEnviron(os.Environ()) {
		if !strings.HasPrefix(item, "GOMAXPROCS=") {
			env = append(env, item)
		}
	}
	exe := wrap.Self(option.TLSDIOD.Program)
	argv := append([]string{workerName}, v.words[1:]...)
	pid, err := syscall.ForkExec(exe, argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, 1, 2, uintptr(v.socket.fd), uintptr(theirs)}})
	if err != nil {
		syscall.Close(ours)
		return diag.FailSys("start "+exe, err)
	}
	v.next = &child{pid: pid, control: ours, started: time.Now()}
	go v.watch(v.next)
	return nil
}

// watch passes on what a worker says, and that it has ended. It parses what
// strangers send, so it may be somebody else's by now: it can say two things, the
// second now and then, and its end of the channel lasts as long as it does. A
// worker that breaks this is ended.
func (v *supervisor) watch(c *child) {
	process, _ := os.FindProcess(c.pid) // it is our child, and not reaped yet
	for told := false; ; {
		ready, full, sound := hear(c.control)
		if !sound || ready && told {
			process.Kill()
			break
		}
		if ready {
			told = true
			v.ready <- c
		}
		if full {
			v.full <- c
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
	v.ended <- c
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
		case word == isReady && !ready:
			ready = true
		case word == isFull:
			full = true
		default:
			return false, false, false
		}
	}
	return ready, full, n < len(b)
}

func (v *supervisor) isReady(c *child) {
	if v.next != c {
		return // it was told to go meanwhile
	}
	if v.current != nil {
		v.drain(v.current)
	}
	v.current, v.next = c, nil
	v.says.Info("worker ", strconv.Itoa(c.pid), " serves ", v.socket.path)
	if v.notify >= 0 {
		go tellReady(v.says, v.notify) // who is told may be slow to listen
		v.notify = -1
	}
}

// isFull has another worker take the place of one that has no room for more
// sessions: how many files a process may have open is a limit for each. It is a
// reload, and the full one drains. Where there are too many of them already,
// wrappers are told that it is busy.
func (v *supervisor) isFull(c *child) {
	if c != v.current || v.next != nil || len(v.draining) >= mostFull {
		return
	}
	v.says.Info("worker ", strconv.Itoa(c.pid), " is full: starting another")
	v.restart()
}

// hasEnded gives the error that ends the program, if it is one.
func (v *supervisor) hasEnded(c *child) error {
	syscall.Close(c.control)
	pid := strconv.Itoa(c.pid)
	switch {
	case v.draining[c]:
		delete(v.draining, c)
		v.says.Info("worker ", pid, " has drained")
	case v.stopping:
		v.next = nil
	case c == v.next && v.notify >= 0: // it never began: what it said is what is to be said
		code := c.status.ExitStatus()
		if c.status.Signaled() {
			code = diag.Signal + int(c.status.Signal())
		}
		return diag.Silent(code)
	case c == v.next && v.current != nil:
		v.next = nil
		v.says.Warning("worker ", pid, " did not get ready (", describe(c.status), "): the one that serves goes on")
	default:
		v.next, v.current = nil, nil
		if time.Since(c.started) > healthy {
			v.wait = firstWait
		}
		v.says.Warning("worker ", pid, " ended (", describe(c.status), "): starting another in ", v.wait.String())
		v.retry = time.After(v.wait)
		v.wait = min(2*v.wait, longestWait)
	}
	return nil
}

func describe(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "signal " + strconv.Itoa(int(s.Signal()))
	}
	return "exit code " + strconv.Itoa(s.ExitStatus())
}

// drain has a worker accept no more and end with its last tunnel.
func (v *supervisor) drain(c *child) {
	v.draining[c] = true
	syscall.Shutdown(c.control, syscall.SHUT_WR)
}

func (v *supervisor) reload(why string) {
	if v.stopping {
		return
	}
	v.says.Info("reloading: ", why)
	if v.next != nil { // it may have read the old files
		v.drain(v.next)
		v.next = nil
	}
	v.retry = nil
	v.restart()
}

// restart starts a worker, later if that can't be done now.
func (v *supervisor) restart() {
	if v.stopping || v.next != nil {
		return
	}
	if err := v.start(); err != nil {
		v.says.Warning(err.Error())
		v.retry = time.After(v.wait)
		v.wait = min(2*v.wait, longestWait)
	}
}

// lookAtFiles reloads when a file has changed and then stayed as it is: a
// certificate and its key are two files.
func (v *supervisor) lookAtFiles() {
	now := snapshot(os.Environ())
	changed := now != v.seen
	v.seen = now
	if !changed && now != v.settled {
		v.settled = now
		v.reload("a file changed")
	}
}

// stop ends the service: no more connections, and the end with the last tunnel.
func (v *supervisor) stop() {
	v.stopping = true
	v.retry = nil
	v.socket.remove()
	for _, c := range []*child{v.current, v.next} {
		if c != nil {
			v.drain(c)
		}
	}
	v.current, v.next = nil, nil
}

func (v *supervisor) kill() {
	for c := range v.draining {
		syscall.Kill(c.pid, syscall.SIGKILL)
	}
}
