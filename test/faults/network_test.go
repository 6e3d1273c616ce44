package faults

import (
	"io"
	"syscall"
	"time"

	"ucspitls/backend"
)

// A lane is one direction of the network, from one side's socket to the
// other's: bytes that were sent, are under way, have arrived.
type lane struct {
	sent    []byte // all that was ever taken from the sender
	arrived int    // of sent: the receiver's system has it, and has said so
	read    int    // of sent: the receiver has it
	fin     bool   // the sender's FIN stands behind sent
	finAt   int    // where the receiver sees a FIN; negative for none yet
	acked   bool   // the FIN was acknowledged

	window int           // most that lies unread at the receiver
	chunk  int           // most that one read or write moves
	delay  time.Duration // from being sent to having arrived
	times  []departure

	at   int // the offset of the fault; negative for none
	what fault
}

// A departure is when the bytes up to an offset were sent.
type departure struct {
	to int
	at time.Duration
}

// A fault is what happens at an offset of a lane.
type fault string

const (
	none    fault = "none"
	cut     fault = "FIN"     // the receiver sees a FIN there, what comes behind is taken and lost
	reset   fault = "RST"     // both sides' connections are reset
	stall   fault = "stall"   // nothing gets through any more
	swallow fault = "swallow" // what comes behind is taken and lost, and nobody is told
)

func newLane() *lane { return &lane{finAt: -1, window: 1 << 20, chunk: 1 << 20, at: -1, what: none} }

// reached tells that the fault has come to be.
func (l *lane) reached() bool { return l.at >= 0 && len(l.sent) > l.at && l.arrived >= l.at }

// limit is how far bytes get.
func (l *lane) limit() int {
	if l.at >= 0 && l.at < len(l.sent) {
		return l.at
	}
	return len(l.sent)
}

// move lets arrive what can at time now, and gives the time of the next
// arrival, negative for none.
func (l *lane) move(now time.Duration) (next time.Duration) {
	next = -1
	to := l.arrived
	for _, d := range l.times {
		if d.at+l.delay > now {
			next = d.at + l.delay
			break
		}
		to = d.to
	}
	l.arrived = max(l.arrived, min(to, l.limit(), l.read+l.window))
	if l.reached() {
		if l.what == cut {
			l.finAt = l.at
		}
	} else if l.fin && l.arrived == len(l.sent) && next < 0 {
		l.finAt, l.acked = len(l.sent), true
	}
	return next
}

// unacked is what the sender's system still has to deliver, its FIN included.
func (l *lane) unacked() int {
	if l.reached() && (l.what == cut || l.what == swallow) {
		return 0
	}
	n := len(l.sent) - l.arrived
	if l.fin && !l.acked {
		n++
	}
	return n
}

func (l *lane) room() int {
	if l.reached() && (l.what == cut || l.what == swallow) {
		return l.chunk
	}
	return l.window - (len(l.sent) - l.arrived)
}

// An end is one side's socket, a tunnel.Network.
type end struct {
	in, out *lane
	now     *time.Duration
	rst     *bool
	told    bool // about the reset
	// fails makes a call fail with nothing done, when it gives true.
	fails func() bool
}

func (e *end) Read(p []byte) (int, error) {
	l := e.in
	switch n := min(l.arrived-l.read, len(p), l.chunk); {
	case *e.rst:
		return 0, e.reset()
	case e.fails():
		return 0, backend.ErrAgain
	case n > 0:
		copy(p, l.sent[l.read:l.read+n])
		l.read += n
		return n, nil
	case l.finAt == l.read:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

// reset is ECONNRESET once, as the system tells it, then the end of the input.
func (e *end) reset() error {
	if e.told {
		return io.EOF
	}
	e.told = true
	return syscall.ECONNRESET
}

func (e *end) Write(p []byte) (int, error) {
	l := e.out
	n := min(len(p), l.room(), l.chunk)
	switch {
	case *e.rst:
		return 0, syscall.EPIPE
	case l.fin:
		panic("written after the FIN")
	case n <= 0 || e.fails():
		return 0, backend.ErrAgain
	}
	l.sent = append(l.sent, p[:n]...)
	l.times = append(l.times, departure{len(l.sent), *e.now})
	return n, nil
}

func (e *end) CloseWrite() error {
	if *e.rst {
		return syscall.ENOTCONN
	}
	if e.out.fin {
		panic("two FINs")
	}
	e.out.fin = true
	e.out.times = append(e.out.times, departure{len(e.out.sent), *e.now})
	return nil
}

func (e *end) Unacked() (int, error) {
	if *e.rst {
		e.told = true
		return e.out.unacked(), syscall.ECONNRESET
	}
	return e.out.unacked(), nil
}

// readable and writable are what poll would say.
func (e *end) readable() bool {
	return *e.rst || e.in.arrived > e.in.read || e.in.finAt == e.in.read
}
func (e *end) writable() bool { return *e.rst || e.out.room() > 0 }

// A pipe is between prog and its tunnel.
type pipe struct {
	buf            []byte
	size           int
	writer, reader bool // open
	fails          func() bool
}

func (p *pipe) Read(b []byte) (int, error) {
	switch {
	case !p.reader:
		panic("read after Close")
	case p.fails():
		return 0, backend.ErrAgain
	case len(p.buf) > 0:
		n := copy(b, p.buf)
		p.buf = p.buf[n:]
		return n, nil
	case !p.writer:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

func (p *pipe) Write(b []byte) (int, error) {
	switch {
	case !p.writer:
		panic("write after Close")
	case !p.reader:
		return 0, syscall.EPIPE
	case len(p.buf) >= p.size || p.fails():
		return 0, backend.ErrAgain
	}
	n := min(len(b), p.size-len(p.buf))
	p.buf = append(p.buf, b[:n]...)
	return n, nil
}

// The tunnel's ends of the pipes.
type output struct{ *pipe } // of prog
type input struct{ *pipe }

func (p output) Close() { p.reader = false }
func (p input) Close()  { p.writer = false }
