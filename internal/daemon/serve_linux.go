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

// serving is the task that is one session.
type serving struct {
	*loop
	*session.Tunnel
	id      string
	printer *diag.Printer
	control int // the connection of its wrapper, -1 once nobody listens there
	handle  *tunnel.Handle
	delayed bool
	held    int64 // descriptors, of those that were reserved
}

// serve makes a session of a hand-over.
func (h *handing) serve(f handover.Files) {
	r := &h.session
	s := &serving{loop: h.loop, id: r.ID, control: h.fd, delayed: r.Delayed, held: filesOfSession}
	h.handle.Release(h.fd)
	h.fd = -1
	s.printer = &diag.Printer{Name: option.TLSDIO.Program, Verbosity: uint(r.Verbosity), Sink: s.say}
	fds := tunnel.FDs{NetIn: f.NetIn, NetOut: f.NetOut, LocalIn: f.FromProg, LocalOut: f.ToProg, Notify: f.Notify}
	base := &h.setup.Rules
	s.handle = h.Add(s, fds, s.control)
	s.Tunnel = h.setup.Begin(session.Request{
		Printer: s.printer,
		Rules: tunnel.Rules{
			AfterCommand:     r.Delayed,
			CloseNotify:      r.CloseNotify || base.CloseNotify,
			Enforce:          r.Enforce || base.Enforce,
			HandshakeTimeout: shorter(milliseconds(r.Timeout), base.HandshakeTimeout),
			IdleTimeout:      shorter(parsed(r.Idle), base.IdleTimeout),
			Linger:           shorter(parsed(r.Linger), base.Linger),
		},
		Remote: r.Remote,
		FDs:    fds, Net: tunnel.NewNet(f.NetIn, f.NetOut, s.close, h.Loop),
		Start: h.since, Pool: &h.Pool, Close: s.close, Turn: h.Loop, OnHandshake: s.onHandshake,
	})
	if f.NetOut == f.NetIn {
		s.release()
	}
	if f.Notify < 0 {
		s.release()
	}
}

// release gives back the room of one descriptor.
func (s *serving) release() {
	s.held--
	s.give(1)
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

func (s *serving) close(fd int) {
	s.handle.Close(fd)
	s.release()
}

// onHandshake: an immediate wrapper becomes prog now, and hears no more.
func (s *serving) onHandshake() {
	if !s.delayed {
		s.hangUp()
	}
}

func (s *serving) hangUp() {
	if s.control >= 0 {
		s.close(s.control)
		s.control = -1
	}
}

func (s *serving) Step(now time.Duration, ready tunnel.Events) (tunnel.Events, time.Duration, bool) {
	if ready&tunnel.Control != 0 && s.control >= 0 && s.deserted() {
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

// deserted reports whether the wrapper, which has nothing more to say, is gone.
func (s *serving) deserted() bool {
	var b [1]byte
	call := s.Leave()
	_, err := fd.Receive(s.control, b[:])
	s.Enter(call)
	return err != unix.EAGAIN && err != unix.EINTR
}

// end reports how the session ended.
func (s *serving) end(e *diag.Error) {
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
func (s *serving) finish() {
	defer func() { s.give(s.held); s.held = 0 }() // what is broken may not even close
	s.Abort()
	s.hangUp()
}

// Broken is a bug of ours in this session, or a descriptor that can't be
// watched; it is the end of no other.
func (s *serving) Broken(reason any) {
	e := diag.Panicked(reason)
	if err, ok := reason.(unix.Errno); ok {
		e = diag.FailSys("watch a descriptor", err)
	}
	s.end(e)
}

// say prints a line through the wrapper or, where nobody listens any more,
// with the connection's id.
func (s *serving) say(said string) {
	if s.control >= 0 && say(s.control, handover.Line(said)) {
		return
	}
	level, text, _ := strings.Cut(said, ": ")
	s.loop.printer.Relay(level + ": connection " + s.id + ": " + text)
}
