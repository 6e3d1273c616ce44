// Package world is what is around a tunnel, without a system: a network that
// can fail wherever it is told to, pipes, and a time that the tests turn.
// Nothing in it waits.
package world

import (
	"io"
	"syscall"
	"time"

	"ucspitls/backend"
)

// A Lane is one direction of the network, from one side's socket to the
// other's: bytes that were sent, are under way, have arrived.
type Lane struct {
	Sent    []byte // all that was ever taken from the sender
	Arrived int    // of Sent: the receiver's system has it, and has said so
	Read    int    // of Sent: the receiver has it
	Fin     bool   // the sender's FIN stands behind Sent
	Acked   bool   // the FIN was acknowledged
	finAt   int    // where the receiver sees a FIN; negative for none yet

	Window int           // most that lies unread at the receiver
	Chunk  int           // most that one read or write moves
	Delay  time.Duration // from being sent to having arrived
	Eager  bool          // what is sent has arrived at once, without Move
	times  []departure

	At   int // the offset of the fault; negative for none
	What Fault
}

// A departure is when the bytes up to an offset were sent.
type departure struct {
	to int
	at time.Duration
}

// A Fault is what happens at an offset of a lane.
type Fault string

const (
	None    Fault = "none"
	Cut     Fault = "FIN"     // the receiver sees a FIN there, what comes behind is taken and lost
	Reset   Fault = "RST"     // both sides' connections are reset
	Stall   Fault = "stall"   // nothing gets through any more
	Swallow Fault = "swallow" // what comes behind is taken and lost, and nobody is told
)

// NewLane is one with much room and no faults.
func NewLane() *Lane { return &Lane{finAt: -1, Window: 1 << 20, Chunk: 1 << 20, At: -1, What: None} }

// Arrive is bytes that were sent and are there.
func (l *Lane) Arrive(b ...byte) {
	l.Sent = append(l.Sent, b...)
	l.Arrived = len(l.Sent)
}

// End is a FIN that is there, behind all that was sent.
func (l *Lane) End() { l.Fin, l.Acked, l.finAt = true, true, len(l.Sent) }

// Take acknowledges n bytes of what is under way, of which the FIN is the last.
func (l *Lane) Take(n int) {
	left := len(l.Sent) - l.Arrived
	l.Arrived += min(n, left)
	l.Acked = l.Acked || l.Fin && n > left
}

// Leave sends a FIN.
func (l *Lane) Leave(now time.Duration) {
	l.Fin, l.Acked = true, l.Eager
	l.times = append(l.times, departure{len(l.Sent), now})
}

// Reached reports whether the fault has come to be.
func (l *Lane) Reached() bool { return l.At >= 0 && len(l.Sent) > l.At && l.Arrived >= l.At }

// lost reports whether what is sent is taken and gets nowhere.
func (l *Lane) lost() bool { return l.Reached() && (l.What == Cut || l.What == Swallow) }

// limit is how far bytes get.
func (l *Lane) limit() int {
	if l.At >= 0 && l.At < len(l.Sent) {
		return l.At
	}
	return len(l.Sent)
}

// Move lets arrive what can at time now, and gives the time of the next
// arrival, negative for none.
func (l *Lane) Move(now time.Duration) (next time.Duration) {
	next = -1
	to := l.Arrived
	for _, d := range l.times {
		if d.at+l.Delay > now {
			next = d.at + l.Delay
			break
		}
		to = d.to
	}
	l.Arrived = max(l.Arrived, min(to, l.limit(), l.Read+l.Window))
	if l.Reached() {
		if l.What == Cut {
			l.finAt = l.At
		}
	} else if l.Fin && l.Arrived == len(l.Sent) && next < 0 {
		l.End()
	}
	return next
}

// Unacked is what the sender's system still has to deliver, its FIN included.
func (l *Lane) Unacked() int {
	if l.lost() {
		return 0
	}
	n := len(l.Sent) - l.Arrived
	if l.Fin && !l.Acked {
		n++
	}
	return n
}

func (l *Lane) room() int {
	if l.lost() {
		return l.Chunk
	}
	return l.Window - (len(l.Sent) - l.Arrived)
}

// never is for what does not fail.
func never() bool { return false }

// A Socket is one side's: a tunnel.Network.
type Socket struct {
	In, Out  *Lane
	Now      *time.Duration
	Rst      *bool
	RstAtFIN bool  // the reset comes just before this side's FIN
	Broken   error // what every write fails with
	// Fails makes a call fail with nothing done, when it gives true.
	Fails func() bool
	told  bool // about the reset
}

func (s *Socket) Read(p []byte) (int, error) {
	l := s.In
	switch n := min(l.Arrived-l.Read, len(p), l.Chunk); {
	case *s.Rst && s.told:
		return 0, io.EOF
	case *s.Rst: // once, as the system tells it, then the end of the input
		s.told = true
		return 0, syscall.ECONNRESET
	case s.Fails():
		return 0, backend.ErrAgain
	case n > 0:
		copy(p, l.Sent[l.Read:l.Read+n])
		l.Read += n
		return n, nil
	case l.finAt == l.Read:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

func (s *Socket) Write(p []byte) (int, error) {
	l := s.Out
	n := min(len(p), l.room(), l.Chunk)
	switch {
	case *s.Rst:
		return 0, syscall.EPIPE
	case s.Broken != nil:
		return 0, s.Broken
	case l.Fin:
		panic("written after the FIN")
	case n <= 0 || s.Fails():
		return 0, backend.ErrAgain
	}
	l.Sent = append(l.Sent, p[:n]...)
	if l.Eager {
		l.Arrived = len(l.Sent)
	} else {
		l.times = append(l.times, departure{len(l.Sent), *s.Now})
	}
	return n, nil
}

func (s *Socket) CloseWrite() error {
	*s.Rst = *s.Rst || s.RstAtFIN
	if *s.Rst {
		return syscall.ENOTCONN
	}
	if s.Out.Fin {
		panic("two FINs")
	}
	s.Out.Leave(*s.Now)
	return nil
}

func (s *Socket) Unacked() (int, error) {
	if *s.Rst {
		s.told = true
		return s.Out.Unacked(), syscall.ECONNRESET
	}
	return s.Out.Unacked(), nil
}

// Readable and Writable are what poll would say.
func (s *Socket) Readable() bool {
	return *s.Rst || s.In.Arrived > s.In.Read || s.In.finAt == s.In.Read
}
func (s *Socket) Writable() bool { return *s.Rst || !s.Out.Fin && s.Out.room() > 0 }

// A Pipe is between prog and its tunnel.
type Pipe struct {
	Buf            []byte
	Size           int
	Writer, Reader bool // open
	Full           bool // as a disk
	fails          func() bool
}

// NewPipe is one with both ends open. fails is as in Socket, nil for never.
func NewPipe(size int, fails func() bool) *Pipe {
	if fails == nil {
		fails = never
	}
	return &Pipe{Size: size, Writer: true, Reader: true, fails: fails}
}

// NewSocket is one without faults.
func NewSocket(in, out *Lane, now *time.Duration, rst *bool) *Socket {
	return &Socket{In: in, Out: out, Now: now, Rst: rst, Fails: never}
}

func (p *Pipe) Read(b []byte) (int, error) {
	switch {
	case !p.Reader:
		panic("read after Close")
	case p.fails():
		return 0, backend.ErrAgain
	case len(p.Buf) > 0:
		n := copy(b, p.Buf)
		p.Buf = p.Buf[n:]
		return n, nil
	case !p.Writer:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

func (p *Pipe) Write(b []byte) (int, error) {
	switch {
	case !p.Writer:
		panic("write after Close")
	case !p.Reader:
		return 0, syscall.EPIPE
	case p.Full:
		return 0, syscall.ENOSPC
	case len(p.Buf) >= p.Size || p.fails():
		return 0, backend.ErrAgain
	}
	n := min(len(b), p.Size-len(p.Buf))
	p.Buf = append(p.Buf, b[:n]...)
	return n, nil
}

// Output and Input are the tunnel's ends of prog's output and input.
type (
	Output struct{ *Pipe }
	Input  struct{ *Pipe }
)

func (p Output) Close() { shut(&p.Reader) }
func (p Input) Close()  { shut(&p.Writer) }

func shut(open *bool) {
	if !*open {
		panic("closed twice")
	}
	*open = false
}
