package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ucspitls/backend"
)

// A world is everything around a tunnel: a TLS library, a network with a peer
// behind it, prog, and a clock. Nothing in it waits; it is driven action by
// action, so that every order of events can be tried.

// fakeTLS frames bytes so that a test can read them: a record is a letter, a
// length and a payload.
//
//	H hello   D data   C close_notify   A fatal alert   X a corrupt record
//	K nothing for anybody, such as a KeyUpdate
type fakeTLS struct {
	w     *Wire
	in    []byte
	hello bool
	over  error
	rest  []byte // of a record that did not fit into the reader's buffer
}

func record(kind byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{kind, byte(n >> 16), byte(n >> 8), byte(n)}, payload...)
}

func (c *fakeTLS) next() (byte, []byte, error) {
	for {
		if len(c.in) >= 4 {
			n := int(c.in[1])<<16 | int(c.in[2])<<8 | int(c.in[3])
			if len(c.in) >= 4+n {
				kind, p := c.in[0], c.in[4:4+n]
				c.in = c.in[4+n:]
				if kind == 'K' {
					continue
				}
				return kind, p, nil
			}
		}
		buf := make([]byte, 1000)
		n, err := c.w.Read(buf)
		if err == io.EOF {
			if len(c.in) > 0 {
				return 0, nil, &backend.Error{Kind: backend.Truncated, Reason: backend.CutRecord}
			}
			return 0, nil, backend.ErrBareEOF
		}
		if err != nil {
			return 0, nil, err
		}
		c.in = append(c.in, buf[:n]...)
	}
}

func (c *fakeTLS) Handshake() error {
	if c.over != nil {
		return c.over
	}
	if !c.hello {
		c.hello = true
		c.w.Write(record('H', nil))
	}
	kind, _, err := c.next()
	switch {
	case err == backend.ErrAgain:
		return err
	case err == backend.ErrBareEOF:
		c.over = &backend.Error{Kind: backend.Handshake, Reason: backend.PeerClosed}
	case err != nil:
		c.over = err
	case kind == 'H':
		return nil
	case kind == 'A':
		c.over = &backend.Error{Kind: backend.Handshake, Reason: backend.PeerRefused, Alert: 40, Peer: true}
	default:
		c.w.Write(record('A', nil))
		c.over = &backend.Error{Kind: backend.Handshake, Reason: backend.BadHandshake, Alert: 10}
	}
	return c.over
}

func (c *fakeTLS) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.over != nil {
			return 0, c.over
		}
		kind, data, err := c.next()
		switch {
		case err == backend.ErrAgain:
			return 0, err
		case err != nil:
			c.over = err
			return 0, err
		case kind == 'C':
			c.over = io.EOF
			return 0, io.EOF
		case kind == 'A':
			c.over = &backend.Error{Kind: backend.Record, Reason: backend.PeerAlert, Alert: 50, Peer: true}
			return 0, c.over
		case kind != 'D':
			c.w.Write(record('A', nil))
			c.over = &backend.Error{Kind: backend.Record, Reason: backend.BadRecord, Alert: 20}
			return 0, c.over
		}
		c.rest = data
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *fakeTLS) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 16000)
		c.w.Write(record('D', rest[:n]))
		rest = rest[n:]
	}
	return len(p), nil
}
func (c *fakeTLS) CloseWrite() error    { c.w.Write(record('C', nil)); return nil }
func (c *fakeTLS) State() backend.State { return backend.State{Version: backend.TLS13} }
func (c *fakeTLS) Close()               {}

// fakeNet is the network: what the peer sent, and what it was sent.
type fakeNet struct {
	in       []byte // on its way to us
	fin      bool   // the peer's FIN stands behind in
	rst      bool
	rstAtFIN bool   // it comes just before our FIN
	down     bool   // nothing can be written
	out      []byte // what we sent
	acked    int    // of out, and of our FIN
	ourFIN   bool
	window   int // how much unacknowledged data the peer's system takes
	takes    bool
	chunk    int // at most so much a read
}

func (n *fakeNet) Read(p []byte) (int, error) {
	switch {
	case n.rst:
		return 0, syscall.ECONNRESET
	case len(n.in) > 0:
		m := copy(p[:min(len(p), n.chunk)], n.in)
		n.in = n.in[m:]
		return m, nil
	case n.fin:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

func (n *fakeNet) room() int { return n.window - (len(n.out) - n.acked) }

func (n *fakeNet) Write(p []byte) (int, error) {
	switch {
	case n.rst:
		return 0, syscall.EPIPE
	case n.down:
		return 0, syscall.ENETDOWN
	case n.ourFIN:
		panic("written after the FIN")
	case n.room() <= 0:
		return 0, backend.ErrAgain
	}
	m := min(len(p), n.room(), n.chunk)
	n.out = append(n.out, p[:m]...)
	n.ack()
	return m, nil
}

func (n *fakeNet) ack() {
	if n.takes && !n.rst {
		n.acked = len(n.out)
		if n.ourFIN {
			n.acked++
		}
	}
}

func (n *fakeNet) CloseWrite() error {
	if n.rst {
		return syscall.ENOTCONN
	}
	if n.ourFIN {
		panic("two FINs")
	}
	n.ourFIN = true
	if n.rstAtFIN {
		n.rst, n.ourFIN = true, false
		return syscall.ENOTCONN
	}
	n.ack()
	return nil
}

func (n *fakeNet) Unacked() (int, error) {
	sent := len(n.out)
	if n.ourFIN {
		sent++
	}
	if n.rst {
		return sent - n.acked, syscall.ECONNRESET
	}
	return sent - n.acked, nil
}

// fakePipe is one of prog's two pipes.
type fakePipe struct {
	buf            []byte
	size           int
	writer, reader bool // open
	full           bool // as a disk
}

func (p *fakePipe) Read(b []byte) (int, error) {
	switch {
	case !p.reader:
		panic("read after Close")
	case len(p.buf) > 0:
		n := copy(b, p.buf)
		p.buf = p.buf[n:]
		return n, nil
	case !p.writer:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

func (p *fakePipe) Write(b []byte) (int, error) {
	switch {
	case !p.writer:
		panic("write after Close")
	case !p.reader:
		return 0, syscall.EPIPE
	case p.full:
		return 0, syscall.ENOSPC
	case p.size == len(p.buf):
		return 0, backend.ErrAgain
	}
	n := min(len(b), p.size-len(p.buf))
	p.buf = append(p.buf, b[:n]...)
	return n, nil
}

type fromProg struct{ *fakePipe }

func (p fromProg) Close() {
	if !p.reader {
		panic("closed twice")
	}
	p.reader = false
}

type toProg struct{ *fakePipe }

func (p toProg) Close() {
	if !p.writer {
		panic("closed twice")
	}
	p.writer = false
}

type world struct {
	t        *Tunnel
	net      *fakeNet
	up, down *fakePipe // prog's output and input
	notify   *fakePipe
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
	w := &world{
		net:    &fakeNet{window: o.window, takes: true, chunk: o.chunk},
		up:     &fakePipe{size: o.pipe, writer: true, reader: true},
		down:   &fakePipe{size: o.pipe, writer: true, reader: true},
		notify: &fakePipe{size: o.pipe, writer: true, reader: true},
		reads:  true,
	}
	wire := NewWire()
	w.t = New(Config{
		Conn: &fakeTLS{w: wire}, Wire: wire, Net: w.net,
		In: fromProg{w.up}, Out: toProg{w.down}, Notify: toProg{w.notify},
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
	n := w.net
	if len(n.in) > 0 || n.fin || n.rst {
		e |= NetIn
	}
	if n.rst || !n.ourFIN && n.room() > 0 {
		e |= NetOut
	}
	if len(w.up.buf) > 0 || !w.up.writer {
		e |= LocalIn
	}
	if !w.up.writer {
		e |= InHangup
	}
	if !w.down.reader {
		e |= LocalOut | OutHangup
	} else if len(w.down.buf) < w.down.size {
		e |= LocalOut
	}
	if !w.notify.reader || len(w.notify.buf) < w.notify.size {
		e |= NotifyOut
	}
	return e
}

// prog goes on with what it is at.
func (w *world) prog() {
	for len(w.backlog) > 0 && w.up.writer {
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
		w.up.writer = false
		if w.exits {
			w.down.reader = false
			w.notify.reader = false
		}
	}
	if w.reads && w.down.reader {
		w.got = append(w.got, w.down.buf...)
		w.down.buf = nil
		w.gotEOF = w.gotEOF || !w.down.writer
		if w.exitEOF && w.gotEOF {
			w.exits = true
			w.up.writer, w.down.reader, w.notify.reader = false, false, false
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
	n := w.net
	send := func(b []byte) {
		if !n.rst && !n.fin {
			n.in = append(n.in, b...)
		}
	}
	switch action {
	// prog
	case "w":
		if !w.exits && !w.closesW {
			w.backlog = append(w.backlog, pattern(len(w.wrote)+len(w.backlog), size)...)
		}
	case "closeW":
		w.closesW = true
	case "closeR":
		w.down.reader = false
	case "stopR":
		w.reads = false
	case "full":
		w.down.full = true
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
		if !n.rst && !n.fin && w.fault == "" {
			p := pattern(len(w.said), size)
			w.said = append(w.said, p...)
			send(record('D', p))
		}
	case "cn":
		send(record('C', nil))
		w.saidGoodbye = true
	case "fin":
		n.fin = true
		w.saidGoodbye = true
	case "cut":
		send([]byte{'D', 0, 0, 9, 1, 2})
		n.fin = true
		w.fault = "cut"
	case "alert":
		send(record('A', nil))
		w.fault = "alert"
	case "bad":
		send(record('X', []byte("junk")))
		w.fault = "bad"
	case "rst":
		n.rst = true
		w.fault = "rst"
		w.cutOff = w.down.reader && w.reads && !w.gotEOF && !w.saidGoodbye
	case "rstAtFIN":
		n.rstAtFIN = true
	case "stall":
		n.takes = false
	case "tick": // milliseconds pass
		w.now += time.Duration(size) * time.Millisecond
	case "take":
		n.takes = true
		n.ack()
	default:
		panic(action)
	}
}

// received is the cleartext that reached the peer's system, and what stood behind it.
func (w *world) received() (data []byte, closeNotify, alert bool) {
	b := w.net.out
	if w.net.rst {
		b = b[:min(len(b), w.net.acked)] // the rest is lost
	}
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

// pattern gives n bytes of an endless text that repeats late, from offset at.
func pattern(at, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		x := uint32(at + i)
		b[i] = byte(x ^ x>>8*7 ^ x>>16*13)
	}
	return b
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
	case w.down.reader && w.reads && len(w.got) != len(w.said):
		return fmt.Errorf("ended normally, but prog got %d of %d bytes", len(w.got), len(w.said))
	case w.down.reader && w.reads && !w.gotEOF:
		return errors.New("ended, but prog has no EOF")
	}
	return nil
}
