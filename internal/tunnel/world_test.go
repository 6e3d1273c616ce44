package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ucspitls/backend"
	"ucspitls/test/lab/pattern"
	lab "ucspitls/test/lab/world"
)

// A world is everything around a tunnel: a TLS library, a network with a peer
// behind it, prog, and a clock. Nothing in it waits; it is driven action by
// action, so that every order of events can be tried.
type world struct {
	t        *Tunnel
	net      *lab.Socket
	rst      bool
	up, down *lab.Pipe // prog's output and input
	notify   *lab.Pipe
	now      time.Duration
	ready    Events
	want     Events
	deadline time.Duration
	done     bool
	err      error
	steps    int

	// prog
	wrote   []byte // what the pipe took from it
	backlog []byte // what it is still writing
	exits   bool   // when the backlog is written
	exitEOF bool   // when it reads EOF
	closesW bool
	got     []byte
	gotEOF  bool
	reads   bool // it reads all the time
	// peer
	said  []byte // cleartext it sent before it ended
	fault string // a reason for a failure, or nothing

	saidGoodbye bool // close_notify or FIN was sent
	cutOff      bool // a reset came while prog was reading and before any goodbye
}

type options struct {
	closeNotify, enforce bool
	pipe, window, chunk  int
	handshake, idle      time.Duration
	linger               time.Duration
	pool                 *Pool
}

func (o options) rules() Rules {
	return Rules{CloseNotify: o.closeNotify, Enforce: o.enforce, HandshakeTimeout: o.handshake, IdleTimeout: o.idle, Linger: o.linger}
}

func newWorld(o options) *world {
	w := &world{up: lab.NewPipe(o.pipe, nil), down: lab.NewPipe(o.pipe, nil), notify: lab.NewPipe(o.pipe, nil), reads: true}
	in, out := lab.NewLane(), lab.NewLane()
	in.Chunk, out.Chunk, out.Window, out.Eager = o.chunk, o.chunk, o.window, true
	w.net = lab.NewSocket(in, out, &w.now, &w.rst)
	wire := NewWire()
	w.t = New(Config{
		Conn: &fakeTLS{w: wire}, Wire: wire, Net: w.net,
		In: lab.Output{Pipe: w.up}, Out: lab.Input{Pipe: w.down}, Notify: lab.Input{Pipe: w.notify},
		Established: func(backend.State) []byte { return []byte("blob") },
		Pool:        o.pool, Rules: o.rules(),
	}, 0)
	return w
}

// settle lets everybody do what can be done now.
func (w *world) settle() error {
	for {
		w.prog()
		if w.done {
			return nil
		}
		w.ready = w.events() & w.want
		if w.steps > 0 && w.ready == 0 {
			if w.deadline < 0 || w.deadline > max(w.now+time.Millisecond, w.t.resetDeadline) {
				return nil
			}
			w.now = max(w.now, w.deadline) // so little may pass between any two events
		}
		w.step()
		if w.steps > 200000 {
			return fmt.Errorf("spins: wants %b, ready %b, deadline %v at %v", w.want, w.ready, w.deadline, w.now)
		}
	}
}

func (w *world) step() {
	w.steps++
	w.want, w.deadline, w.done, w.err = w.t.Step(w.now, w.ready)
}

// events is what poll would say of everything.
func (w *world) events() Events {
	var e Events
	if w.net.Readable() {
		e |= NetIn
	}
	if w.net.Writable() {
		e |= NetOut
	}
	if len(w.up.Buf) > 0 || !w.up.Writer {
		e |= LocalIn
	}
	if !w.up.Writer {
		e |= InHangup
	}
	if !w.down.Reader {
		e |= LocalOut | OutHangup
	} else if len(w.down.Buf) < w.down.Size {
		e |= LocalOut
	}
	if !w.notify.Reader || len(w.notify.Buf) < w.notify.Size {
		e |= NotifyOut
	}
	return e
}

// prog goes on with what it is at.
func (w *world) prog() {
	for len(w.backlog) > 0 && w.up.Writer {
		n, err := w.up.Write(w.backlog)
		w.wrote = append(w.wrote, w.backlog[:n]...)
		w.backlog = w.backlog[n:]
		if err == backend.ErrAgain {
			break
		}
		if err != nil {
			w.backlog = nil // EPIPE
		}
	}
	if len(w.backlog) == 0 && (w.exits || w.closesW) {
		w.up.Writer = false
		if w.exits {
			w.down.Reader = false
			w.notify.Reader = false
		}
	}
	if w.reads && w.down.Reader {
		w.got = append(w.got, w.down.Buf...)
		w.down.Buf = nil
		w.gotEOF = w.gotEOF || !w.down.Writer
		if w.exitEOF && w.gotEOF {
			w.exits = true
			w.up.Writer, w.down.Reader, w.notify.Reader = false, false, false
		}
	}
}

// do performs one action. A letter and a number: w50000 writes that many.
func (w *world) do(action string) {
	size := 0
	if i := strings.IndexAny(action, "0123456789"); i > 0 {
		size, _ = strconv.Atoi(action[i:])
		action = action[:i]
	}
	in, out := w.net.In, w.net.Out
	send := func(b []byte) {
		if !w.rst && !in.Fin {
			in.Arrive(b...)
		}
	}
	switch action {
	// prog
	case "w":
		if !w.exits && !w.closesW {
			w.backlog = append(w.backlog, pattern.Slice(len(w.wrote)+len(w.backlog), size)...)
		}
	case "closeW":
		w.closesW = true
	case "closeR":
		w.down.Reader = false
	case "stopR":
		w.reads = false
	case "full":
		w.down.Full = true
	case "goR":
		w.reads = true
	case "exit":
		w.exits = true
	case "kill":
		w.backlog = nil
		w.exits = true
	case "exitEOF":
		w.exitEOF = true
	// peer
	case "hello":
		send(record('H', nil))
	case "d":
		if !w.rst && !in.Fin && w.fault == "" {
			p := pattern.Slice(len(w.said), size)
			w.said = append(w.said, p...)
			send(record('D', p))
		}
	case "cn":
		send(record('C', nil))
		w.saidGoodbye = true
	case "fin":
		in.End()
		w.saidGoodbye = true
	case "cut":
		send([]byte{'D', 0, 0, 9, 1, 2})
		in.End()
		w.fault = "cut"
	case "alert":
		send(record('A', nil))
		w.fault = "alert"
	case "bad":
		send(record('X', []byte("junk")))
		w.fault = "bad"
	case "rst":
		w.rst = true
		w.fault = "rst"
		w.cutOff = w.down.Reader && w.reads && !w.gotEOF && !w.saidGoodbye
	case "rstAtFIN":
		w.net.RstAtFIN = true
	case "stall":
		out.Eager = false
	case "tick": // milliseconds pass
		w.now += time.Duration(size) * time.Millisecond
	case "take":
		out.Eager = true
		if !w.rst {
			out.Take(len(out.Sent) + 1)
		}
	default:
		panic(action)
	}
}

// received is the cleartext that reached the peer's system, and what stood behind it.
func (w *world) received() (data []byte, closeNotify, alert bool) {
	b := w.net.Out.Sent
	if w.rst {
		b = b[:w.net.Out.Arrived] // the rest is lost
	}
	return decode(b)
}

func decode(b []byte) (data []byte, closeNotify, alert bool) {
	for len(b) >= 4 {
		n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if len(b) < 4+n {
			break
		}
		switch b[0] {
		case 'D':
			if closeNotify {
				panic("data after close_notify")
			}
			data = append(data, b[4:4+n]...)
		case 'C':
			closeNotify = true
		case 'A':
			alert = true
		}
		b = b[4+n:]
	}
	return data, closeNotify, alert
}

var errStuck = errors.New("never ends")

// finish lets time pass until the tunnel ends, at most for limit.
func (w *world) finish(limit time.Duration) error {
	end := w.now + limit
	for !w.done {
		if err := w.settle(); err != nil {
			return err
		}
		if w.done {
			break
		}
		if w.deadline < 0 || w.deadline > end {
			return errStuck
		}
		w.now = max(w.deadline, w.now)
		w.ready = 0
		w.step()
	}
	w.prog()
	return nil
}

// run performs actions one by one, with everything settled in between.
func (w *world) run(actions ...string) error {
	if err := w.settle(); err != nil {
		return err
	}
	for _, a := range actions {
		w.do(a)
		if err := w.settle(); err != nil {
			return err
		}
	}
	return nil
}

// check tests what holds whatever happened.
func (w *world) check() error {
	data, _, _ := w.received()
	switch {
	case !bytes.HasPrefix(w.wrote, data):
		return errors.New("the peer got bytes that prog did not write, or in another order")
	case !bytes.HasPrefix(w.said, w.got):
		return errors.New("prog got bytes that the peer did not send, or in another order")
	}
	if w.err != nil || !w.done {
		return nil
	}
	switch {
	case w.cutOff:
		return errors.New("ended normally, but prog lost its input")
	case len(data) != len(w.wrote) && w.t.Stats.Unacked == 0:
		return fmt.Errorf("ended normally, but the peer got %d of %d bytes", len(data), len(w.wrote))
	case w.down.Reader && w.reads && len(w.got) != len(w.said):
		return fmt.Errorf("ended normally, but prog got %d of %d bytes", len(w.got), len(w.said))
	case w.down.Reader && w.reads && !w.gotEOF:
		return errors.New("ended, but prog has no EOF")
	}
	return nil
}
