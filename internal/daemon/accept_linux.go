package daemon

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/handover"
	"ucspitls/internal/tunnel"
)

// acceptor is the task that takes connections of wrappers.
type acceptor struct {
	*loop
	handle  *tunnel.Handle
	stopped bool
	last    int           // when it has stopped: how many it still takes
	until   time.Duration // ... and when it takes no more at the latest
}

const (
	acceptAtOnce = 16
	acceptPause  = 50 * time.Millisecond // when there is no room
)

func (a *acceptor) stop() {
	a.stopped, a.last = true, backlog
	a.handle.Wake()
}

func (a *acceptor) Step(now time.Duration, ready tunnel.Events) (tunnel.Events, time.Duration, bool) {
	want := tunnel.Control
	if a.stopped {
		// The connections that wait are taken along: another worker would hear of
		// them with the next one only. No more than may wait, and not for ever.
		a.handle.Release(listenFD)
		want = 0
		if a.until == 0 {
			a.until = now + messageTimeout
		}
		if now >= a.until || a.last <= 0 {
			return a.leave()
		}
	}
	for range acceptAtOnce {
		switch err := a.accept(now); err {
		case nil, unix.EINTR, unix.ECONNABORTED:
		case unix.EAGAIN:
			if a.stopped {
				return a.leave()
			}
			return want, -1, false
		case errPending:
			return 0, now + acceptPause, false
		default:
			a.printer.Warning("unable to accept a hand-over: ", err.Error())
			return 0, now + acceptPause, false
		}
	}
	a.last -= acceptAtOnce
	return want, now, false // others have their turn
}

// leave ends the task. The last one closes the listener: with the supervisor
// gone, too, wrappers are to see that.
func (a *acceptor) leave() (tunnel.Events, time.Duration, bool) {
	if a.listeners.Add(-1) == 0 {
		unix.Close(listenFD)
	}
	return 0, -1, true
}

var errPending = errors.New("too many hand-overs are not complete")

// accept takes one connection.
func (a *acceptor) accept(now time.Duration) error {
	if a.pending.Load() >= maxPending {
		return errPending
	}
	n, _, err := unix.Accept4(listenFD, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err == nil {
		a.greet(n, now)
	}
	return err
}

// greet looks at who is there.
func (a *acceptor) greet(n int, now time.Duration) {
	peer, err := unix.GetsockoptUcred(n, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || !slices.Contains(a.uids, peer.Uid) {
		if err == nil {
			a.printer.Warning("uid ", diag.Uint(uint64(peer.Uid)), " may not hand over connections (-u)")
		}
		a.CloseNow(n)
		return
	}
	a.pending.Add(1)
	r := &receiver{loop: a.loop, fd: n, since: now, until: now + messageTimeout}
	r.handle = a.Add(r, noFDs, n)
}

var noFDs = tunnel.FDs{NetIn: -1, NetOut: -1, LocalIn: -1, LocalOut: -1, Notify: -1}

func (a *acceptor) Broken(reason any) { a.printer.Exit(diag.Panicked(reason)) }

// receiver is the task that talks to one wrapper until its descriptors are there.
type receiver struct {
	*loop
	handle       *tunnel.Handle
	fd           int // -1: the session's
	since, until time.Duration
	session      handover.Session
	accepted     bool // it was told to go, and filesOfSession are reserved
	over         bool
}

// filesOfSession is what a session takes at most: its five and the connection.
const filesOfSession = 6

func (r *receiver) Step(now time.Duration, ready tunnel.Events) (tunnel.Events, time.Duration, bool) {
	if ready&tunnel.Control != 0 {
		more := false
		if r.accepted {
			more = r.files()
		} else {
			more = r.hello()
		}
		if !more {
			r.end()
			return 0, -1, true
		}
		r.until = now + messageTimeout
	}
	if now >= r.until {
		r.end()
		return 0, -1, true
	}
	return tunnel.Control, r.until, false
}

// end gives up what a hand-over has that came to nothing.
func (r *receiver) end() {
	if r.over {
		return
	}
	r.over = true
	r.pending.Add(-1)
	if r.fd >= 0 && r.accepted {
		r.unreserve(filesOfSession)
	}
}

func (r *receiver) Broken(reason any) {
	r.printer.Fatal(diag.Panicked(reason))
	r.end()
}

// hello answers the first message; false ends the hand-over.
func (r *receiver) hello() (more bool) {
	n, files, _, err := fd.ReceiveFiles(r.fd, r.scratch)
	defer func() { // the buffer is another's meanwhile
		for _, n := range files {
			r.CloseNow(n)
		}
	}()
	if err == unix.EAGAIN || err == unix.EINTR {
		return true
	}
	if err != nil || n <= 0 || n > handover.MaxMessage {
		return false
	}
	s, configuration, why := handover.ParseHello(r.scratch[:n])
	if why == "" && string(configuration) != string(r.configuration) {
		why = handover.Differs(r.configuration, configuration)
	}
	switch {
	case why != "":
		r.say(handover.DiffersIn(why))
		return false
	case !r.reserve(filesOfSession):
		r.say(handover.Busy)
		return false
	}
	r.session, r.accepted = s, true
	return r.say(handover.Go)
}

func (r *receiver) say(message []byte) bool { return say(r.fd, message) }

// say sends a message, at once or not at all.
func say(fd int, message []byte) bool {
	for {
		err := unix.Send(fd, message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// files takes the descriptors and begins the session; false ends the hand-over.
func (r *receiver) files() (more bool) {
	var message [16]byte
	n, fds, all, err := fd.ReceiveFiles(r.fd, message[:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return true
	}
	if err != nil || n <= 0 {
		return false
	}
	f, ok := handover.ParseFiles(message[:n], fds)
	if !all {
		r.refuse("unable to receive a connection: too many open files")
		ok = false
	} else if ok && !usable(f) {
		r.refuse("unable to serve a connection: a descriptor of the wrong kind")
		ok = false
	} else if !ok {
		r.refuse("unable to receive a connection: not understood")
	}
	if !ok {
		for _, n := range fds {
			r.CloseNow(n)
		}
		return false
	}
	r.serve(f)
	return false
}

// refuse ends a hand-over whose descriptors were sent: there is no way back.
func (r *receiver) refuse(why string) {
	r.say(handover.Line("fatal: " + why))
	r.say(handover.End(diag.System))
}

// usable: the network is a stream socket, the rest are pipes or sockets. On
// nothing else could a loop be sure never to wait.
func usable(f handover.Files) bool {
	for _, n := range []int{f.NetIn, f.NetOut} {
		if t, err := unix.GetsockoptInt(n, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || t != unix.SOCK_STREAM {
			return false
		}
	}
	for _, n := range []int{f.FromProg, f.ToProg, f.Notify} {
		var st unix.Stat_t
		if n < 0 {
			continue
		}
		if err := unix.Fstat(n, &st); err != nil {
			return false
		}
		if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
			return false
		}
	}
	return true
}
