package daemon

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/handover"
	"ucspitls/internal/option"
	"ucspitls/internal/session"
	"ucspitls/internal/tunnel"
)

// connection is the task that is one session.
type connection struct {
	*loop
	*session.Tunnel
	id       string
	printer  *diag.Printer
	control  int // the connection of its wrapper, -1 once nobody listens there
	handle   *tunnel.Handle
	delayed  bool
	reserved int64 // descriptors
}

// serve begins the session whose descriptors are there.
func (r *receiver) serve(f handover.Files) {
	hello := &r.session
	s := &connection{loop: r.loop, id: hello.ID, control: r.fd, delayed: hello.Delayed, reserved: filesOfSession}
	r.handle.Release(r.fd)
	r.fd = -1
	s.printer = &diag.Printer{Name: option.TLSDIO.Program, Verbosity: uint(hello.Verbosity), Sink: s.say}
	fds := tunnel.FDs{NetIn: f.NetIn, NetOut: f.NetOut, LocalIn: f.FromProg, LocalOut: f.ToProg, Notify: f.Notify}
	base := &r.setup.Rules
	s.handle = r.Add(s, fds, s.control)
	s.Tunnel = r.setup.Begin(session.Request{
		Printer: s.printer,
		Rules: tunnel.Rules{
			AfterCommand:     hello.Delayed,
			CloseNotify:      hello.CloseNotify || base.CloseNotify,
			Enforce:          hello.Enforce || base.Enforce,
			HandshakeTimeout: shorter(milliseconds(hello.Timeout), base.HandshakeTimeout),
			IdleTimeout:      shorter(parsed(hello.Idle), base.IdleTimeout),
			Linger:           shorter(parsed(hello.Linger), base.Linger),
		},
		Remote: hello.Remote,
		FDs:    fds, Net: tunnel.NewNet(f.NetIn, f.NetOut, s.close, r.Loop),
		Start: r.since, Pool: &r.Pool, Close: s.close, Turn: r.Loop, OnHandshake: s.onHandshake,
	})
	if f.NetOut == f.NetIn {
		s.release()
	}
	if f.Notify < 0 {
		s.release()
	}
}

// release gives back the room of one descriptor.
func (s *connection) release() {
	s.reserved--
	s.unreserve(1)
}

func milliseconds(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

// parsed is 0 for what is no number.
func parsed(s string) time.Duration {
	n, _ := option.Number(s)
	return milliseconds(n)
}

// shorter of two timeouts; 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (s *connection) close(fd int) {
	s.handle.Close(fd)
	s.release()
}

// onHandshake: an immediate wrapper becomes prog now, and hears no more.
func (s *connection) onHandshake() {
	if !s.delayed {
		s.hangUp()
	}
}

func (s *connection) hangUp() {
	if s.control >= 0 {
		s.close(s.control)
		s.control = -1
	}
}

func (s *connection) Step(now time.Duration, ready tunnel.Events) (tunnel.Events, time.Duration, bool) {
	if ready&tunnel.Control != 0 && s.control >= 0 && s.wrapperGone() {
		// As the death of an -io would: nobody can go on in cleartext.
		s.finish()
		return 0, -1, true
	}
	want, deadline, done, err := s.Tunnel.Step(now, ready)
	if done {
		s.end(s.Tunnel.End(now, err))
		return 0, -1, true
	}
	if s.control >= 0 {
		want |= tunnel.Control
	}
	return want, deadline, false
}

// wrapperGone reports whether the wrapper, which has nothing more to say, is gone.
func (s *connection) wrapperGone() bool {
	var b [1]byte
	call := s.Leave()
	_, err := fd.Receive(s.control, b[:])
	s.Enter(call)
	return err != unix.EAGAIN && err != unix.EINTR
}

// end reports how the session ended.
func (s *connection) end(e *diag.Error) {
	code := diag.OK
	if e != nil {
		s.printer.Fatal(e)
		code = e.Code
	}
	if s.control >= 0 {
		say(s.control, handover.End(code))
	}
	s.finish()
}

// finish: what is still open now the loop closes.
func (s *connection) finish() {
	defer func() { s.unreserve(s.reserved); s.reserved = 0 }() // what is broken may not even close
	s.Abort()
	s.hangUp()
}

// Broken is a bug of ours in this session, or a descriptor that can't be
// watched; it is the end of no other.
func (s *connection) Broken(reason any) {
	e := diag.Panicked(reason)
	if err, ok := reason.(unix.Errno); ok {
		e = diag.FailSys("watch a descriptor", err)
	}
	s.end(e)
}

// say prints a line through the wrapper or, where nobody listens any more,
// with the connection's id.
func (s *connection) say(said string) {
	if s.control >= 0 && say(s.control, handover.Line(said)) {
		return
	}
	level, text, _ := strings.Cut(said, ": ")
	s.loop.printer.Relay(level + ": connection " + s.id + ": " + text)
}
