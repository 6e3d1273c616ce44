// Package tunnel moves bytes between a TLS connection and a program, and
// decides how a session ends. It is a state machine: [Tunnel.Step] does what
// can be done without waiting and says what it waits for. A driver owns the
// waiting; the clock is handed in.
//
//	            rx                    plain
//	network ─────────► TLS (backend) ───────► prog's input      "down"
//	        ◄───────── Conn          ◄─────── prog's output     "up"
//	            tx
//
// The two directions end on their own. The rules, in the order in which a
// session meets them:
//
//   - Nothing is read from prog before the handshake is done; what it has
//     written by then waits in its pipe.
//   - prog's EOF ("up" is over): everything is sent, with -S a close_notify,
//     then our FIN. The other direction goes on.
//   - the peer's EOF ("down" is over): prog gets what was decrypted, then EOF.
//     The other direction goes on.
//   - prog stops reading: what comes from the peer is decrypted and discarded.
//   - both are over: what the peer still sends is discarded until its FIN, so
//     that no unread byte turns our close into a reset that destroys what is
//     on its way. This ends lingerQuiet after everything was acknowledged, or
//     when no byte was acknowledged for lingerStalled.
//   - a truncated stream: prog gets what was complete, then EOF; what it has
//     written by then is still sent.
//   - any other failure: prog gets what was decrypted, then EOF; an alert is
//     sent with our FIN behind it, and the peer has lingerAlert to take it.
package tunnel

import (
	"errors"
	"io"
	"time"

	"ucspitls/backend"
)

const (
	lingerQuiet   = 2 * time.Second  // after everything is acknowledged
	lingerStalled = 30 * time.Second // without an acknowledged byte
	lingerAlert   = 2 * time.Second  // after a failure
	orphanLimit   = 30 * time.Second // for a handshake that no prog waits for
	maxPasses     = 32               // rounds in one Step, so that timers are served
)

// How a session ended, other than by a *backend.Error of the TLS library or
// an error of the network.
var (
	ErrHandshakeTimeout = errors.New("handshake timed out")
	ErrIdle             = errors.New("no byte in either direction")
	ErrNoCloseNotify    = errors.New("remote closed connection without a close_notify")
)

// A NetworkError is a connection that broke: reset, or no way to write.
type NetworkError struct {
	Err       error
	Handshake bool // it broke before the handshake was over
}

func (e *NetworkError) Error() string { return e.Err.Error() }
func (e *NetworkError) Unwrap() error { return e.Err }

// An UndeliveredError is a peer that stopped acknowledging.
type UndeliveredError struct{ Bytes int }

func (e *UndeliveredError) Error() string { return "the peer did not take everything" }

// A Config is what a tunnel works on and by which rules.
type Config struct {
	Conn   backend.Conn
	Wire   *Wire
	Net    Network
	In     In
	Out    Out
	Notify Out // nil: nobody wants the information

	// Established is called once when the handshake is done, and gives what to
	// write to Notify.
	Established func(backend.State) []byte

	CloseNotify      bool          // -S
	Enforce          bool          // -J
	HandshakeTimeout time.Duration // 0: none
	IdleTimeout      time.Duration // 0: none
}

// Stats counts cleartext, in bytes.
type Stats struct {
	FromProg, ToProg int64
}

// A Tunnel is one session. It has one owner.
type Tunnel struct {
	Config
	Stats Stats
	// StrictPeer is set when the peer answered our bare FIN with an alert.
	StrictPeer bool

	now   time.Duration
	ready Events // what may be tried; cleared when it turns out that it can't be done

	established bool
	err         error // why the session failed; the first one counts
	dead        bool  // the TLS connection can't be used any more

	// up: prog's output to the network
	inOpen    bool
	inHangup  bool // seen: polling for it again would spin
	lastWords bool // take what prog has written so far, then no more
	upOver    bool // prog's output was read to its end and given to tx
	upBuf     []byte
	finSent   bool
	txErr     error // the network can't be written any more
	sent      int64 // bytes ever taken by the network
	appEnd    int64 // where in that stream prog's last byte ends

	// down: the network to prog's input
	outOpen  bool
	outGone  bool // prog closed its read end
	downOver bool // nothing will be decrypted any more
	plain    queue
	rxErr    error // the network broke; what it had brought is still delivered

	notify []byte

	start, lastMove time.Duration
	orphanedAt      time.Duration // prog left during the handshake
	failedAt        time.Duration
	linger          linger
}

// New starts a tunnel at time now. The ends are its to close, but for the network.
func New(c Config, now time.Duration) *Tunnel {
	return &Tunnel{
		Config: c, now: now, start: now, lastMove: now, orphanedAt: -1, failedAt: -1,
		ready:  NetIn | NetOut | LocalOut | NotifyOut,
		inOpen: true, outOpen: true,
	}
}

// Step does all that can be done at time now, which never goes back. ready is
// what the driver found out. It returns what the tunnel waits for and the time
// at which it wants to be called at the latest, negative for none; done says
// that the session is over, and err how: nil is a normal end.
func (t *Tunnel) Step(now time.Duration, ready Events) (want Events, deadline time.Duration, done bool, err error) {
	t.now = now
	t.ready |= ready & readyMask
	if ready&InHangup != 0 {
		t.inHangup = true
	}
	if ready&OutHangup != 0 {
		t.closeOut(true)
	}
	again := false
	for pass := 0; ; pass++ {
		if again = t.pass(); !again || pass == maxPasses {
			break
		}
	}
	before := t.err
	if deadline = t.expire(); t.err != before {
		t.pass() // prog and peer are told at once
		deadline = t.expire()
	}
	if t.finished() {
		return 0, -1, true, t.err
	}
	if again {
		deadline = now
	}
	return t.wants(), deadline, false, nil
}

// pass runs every part once and tells whether anything moved.
func (t *Tunnel) pass() bool {
	moved := false
	if !t.established {
		moved = t.handshake()
	}
	if t.established {
		moved = t.pull() || moved
		moved = t.feed() || moved
		moved = t.report() || moved
	}
	moved = t.deliver() || moved
	moved = t.flush() || moved
	return t.discard() || moved
}

// handshake drives the handshake with what the network brought.
func (t *Tunnel) handshake() bool {
	if t.dead {
		return false
	}
	moved := t.fill()
	err := t.Conn.Handshake()
	switch {
	case err == nil:
		t.established = true
		t.lastMove = t.now
		t.ready |= LocalIn
		blob := t.Established(t.Conn.State())
		if t.Notify != nil {
			t.notify = blob
		}
		return true
	case err == backend.ErrAgain:
		if t.rxErr != nil && t.Wire.rx.len() == 0 {
			t.fail(&NetworkError{t.rxErr, true})
		}
		return moved
	}
	t.fail(err)
	return true
}

// fill reads from the network into an empty rx.
func (t *Tunnel) fill() bool {
	w := t.Wire
	if w.eof || t.rxErr != nil || w.rx.len() > 0 || t.ready&NetIn == 0 {
		return false
	}
	room := w.rx.space()
	n, err := t.Net.Read(room)
	switch {
	case err == backend.ErrAgain:
		t.ready &^= NetIn
		return false
	case err == io.EOF:
		w.eof = true
		t.ready &^= NetIn
	case err != nil:
		t.rxErr = err
		t.ready &^= NetIn
	default:
		w.rx.grow(n)
		t.lastMove = t.now
		if n < len(room) {
			t.ready &^= NetIn // it is empty now; poll tells when there is more
		}
	}
	return true
}

// pull decrypts into plain.
func (t *Tunnel) pull() bool {
	moved := false
	for !t.downOver && !t.dead {
		room := t.plain.space()
		if len(room) == 0 {
			return moved
		}
		n, err := t.Conn.Read(room)
		if n > 0 {
			moved = true
			if t.outOpen {
				t.plain.grow(n)
			} else {
				clear(room[:n])
			}
		}
		switch {
		case err == nil:
		case err == backend.ErrAgain:
			if t.fill() {
				moved = true
				continue
			}
			if t.rxErr != nil && t.Wire.rx.len() == 0 {
				t.broken()
				return true
			}
			return moved
		case err == io.EOF:
			t.downOver = true
			return true
		case err == backend.ErrBareEOF:
			if t.Enforce && !t.over() {
				t.cut(ErrNoCloseNotify)
			}
			t.downOver = true
			return true
		default:
			t.received(err)
			return true
		}
	}
	return moved
}

// received handles a fatal error of the TLS connection.
func (t *Tunnel) received(err error) {
	var e *backend.Error
	if errors.As(err, &e) {
		if e.Kind == backend.Truncated {
			t.cut(err)
			return
		}
		// A strict peer answers a FIN without close_notify with an alert, when
		// it has everything already.
		if e.Peer && t.finSent && !t.CloseNotify && t.unacked() == 0 {
			t.StrictPeer = true
			t.downOver, t.dead = true, true
			return
		}
	}
	t.fail(err)
}

// cut ends a session whose input is truncated. Our own direction is sound: what
// prog has written by now is still sent.
func (t *Tunnel) cut(err error) {
	t.setErr(err)
	t.downOver = true
	t.lastWords = true
	t.ready |= LocalIn
}

// broken handles a network that can't be read any more. It is a failure
// unless the peer had everything and nobody waited for more.
func (t *Tunnel) broken() {
	if !t.over() || t.lost() > 0 {
		t.fail(&NetworkError{t.rxErr, false})
	}
	t.downOver = true
}

// fail ends the session: no more from prog, the alert that may be in tx goes
// out with our FIN behind it.
func (t *Tunnel) fail(err error) {
	t.setErr(err)
	t.dead, t.downOver = true, true
	t.endUp()
	t.closeNotifier()
}

func (t *Tunnel) setErr(err error) {
	if t.err == nil {
		t.err = err
		t.failedAt = t.now
	}
}

// deliver writes decrypted bytes to prog, and its EOF behind them.
func (t *Tunnel) deliver() bool {
	moved := false
	for t.outOpen && t.plain.len() > 0 && t.ready&LocalOut != 0 {
		n, err := t.Out.Write(t.plain.bytes())
		switch {
		case err == backend.ErrAgain:
			t.ready &^= LocalOut
			return moved
		case err != nil:
			t.closeOut(true)
			return true
		}
		t.Stats.ToProg += int64(n)
		t.plain.skip(n)
		moved = true
	}
	if t.outOpen && t.downOver && t.plain.len() == 0 {
		t.closeOut(false)
		moved = true
	}
	return moved
}

// closeOut gives prog its EOF, or notes that prog does not read any more.
func (t *Tunnel) closeOut(gone bool) {
	if !t.outOpen {
		return
	}
	t.outOpen, t.outGone = false, gone
	t.plain.wipe()
	t.Out.Close()
}

// feed encrypts what prog wrote.
func (t *Tunnel) feed() bool {
	moved := false
	for t.inOpen && !t.upOver && t.Wire.tx.len() < maxUnsent && t.ready&LocalIn != 0 {
		if t.upBuf == nil {
			t.upBuf = make([]byte, bufferSize)
		}
		n, err := t.In.Read(t.upBuf)
		switch {
		case err == backend.ErrAgain && t.lastWords, err == io.EOF:
			t.endUp()
			return true
		case err == backend.ErrAgain:
			t.ready &^= LocalIn
			return moved
		case err != nil:
			t.fail(err)
			return true
		}
		moved = true
		t.lastMove = t.now
		if t.rxErr != nil {
			// After the peer's close_notify a reset is no failure, until prog
			// wants to say something all the same.
			t.fail(&NetworkError{t.rxErr, false})
			return true
		}
		if _, err := t.Conn.Write(t.upBuf[:n]); err != nil {
			t.fail(err)
			return true
		}
		t.Stats.FromProg += int64(n)
		t.appEnd = t.sent + int64(t.Wire.tx.len())
		if n < len(t.upBuf) && !t.lastWords && !t.inHangup {
			t.ready &^= LocalIn
			return true
		}
	}
	return moved
}

// endUp ends prog's direction: nothing more is read from it.
func (t *Tunnel) endUp() {
	if t.inOpen {
		t.inOpen = false
		t.In.Close()
		clear(t.upBuf)
	}
	if t.upOver {
		return
	}
	t.upOver = true
	if t.CloseNotify && t.established && !t.dead {
		t.Conn.CloseWrite()
	}
}

// flush sends tx, and our FIN behind prog's last byte.
func (t *Tunnel) flush() bool {
	moved := false
	tx := &t.Wire.tx
	if t.finSent || t.txErr != nil {
		tx.skip(tx.len()) // what TLS still wants to say comes too late
	}
	for tx.len() > 0 && t.ready&NetOut != 0 {
		n, err := t.Net.Write(tx.bytes())
		if err == backend.ErrAgain {
			t.ready &^= NetOut
			return moved
		}
		moved = true
		if err != nil {
			t.unwritable(err)
			return true
		}
		tx.skip(n)
		t.sent += int64(n)
		t.lastMove = t.now
	}
	if t.upOver && tx.len() == 0 && !t.finSent && t.txErr == nil {
		t.finSent = true
		if err := t.Net.CloseWrite(); err != nil {
			t.unwritable(err)
		}
		moved = true
	}
	return moved
}

// unwritable handles a network that takes no more. What it has brought is
// still read: the peer may have said goodbye before it went.
func (t *Tunnel) unwritable(err error) {
	t.txErr = err
	t.ready |= NetIn
	if !t.established {
		return // an alert may say why
	}
	if t.lost() > 0 {
		t.setErr(&NetworkError{err, false})
	}
	t.upOver = true // no close_notify: there is nobody to take it
	t.endUp()
}

// report writes the information blob, however slowly prog takes it.
func (t *Tunnel) report() bool {
	moved := false
	for t.Notify != nil && len(t.notify) > 0 && t.ready&NotifyOut != 0 {
		n, err := t.Notify.Write(t.notify)
		switch {
		case err == backend.ErrAgain:
			t.ready &^= NotifyOut
			return moved
		case err != nil:
			t.notify = nil // prog did nothing wrong: it did not want to know
		default:
			t.notify = t.notify[n:]
		}
		moved = true
	}
	if t.Notify != nil && len(t.notify) == 0 {
		t.closeNotifier()
		moved = true
	}
	return moved
}

func (t *Tunnel) closeNotifier() {
	if t.Notify != nil {
		t.Notify.Close()
		t.Notify = nil
	}
}
