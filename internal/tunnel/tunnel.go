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
//     on its way. A reset ends it as well, and so does time:
//     lingerQuiet after everything was acknowledged, lingerStalled without an
//     acknowledged byte, Linger in all.
//   - a truncated stream: prog gets what was complete, then EOF; what it has
//     written by then is still sent.
//   - any other failure: prog gets what was decrypted, then EOF; an alert is
//     sent with our FIN behind it, and the peer has lingerAlert to take it.
//
// How long a session can last in each state, whatever the peer does:
//
//	handshake                      HandshakeTimeout
//	handshake, nobody at either    Linger, and orphanLimit where there is no
//	  local end                      HandshakeTimeout
//	prog may still speak, or the   as long as somebody holds prog's end of that
//	  peer may and prog reads        direction, or IdleTimeout without a byte that
//	                                 somebody took: one that is discarded, behind
//	                                 a close_notify or for want of a reader, is none
//	both are over, or nobody is    lingerQuiet and lingerStalled, Linger in all,
//	  left at either local end       also for what prog's end does not take
//	truncated, prog's output sent  the same
//	failed                         lingerAlert, Linger for what prog does not take
//
// The information blob keeps no session. One Step takes a bounded number of
// records and of bytes, whatever they are, so that a flood costs the sessions
// beside it no more than one of those.
package tunnel

import (
	"errors"
	"time"

	"ucspitls/backend"
)

const (
	lingerQuiet   = 2 * time.Second        // after everything is acknowledged
	lingerStalled = 30 * time.Second       // without an acknowledged byte
	lingerAlert   = 2 * time.Second        // after a failure
	lingerLeaving = 100 * time.Millisecond // from prog's closing of one end to the other, when it exits
	orphanLimit   = 30 * time.Second       // for a handshake that no prog waits for
)

// DefaultLinger bounds the end of a session. What may still be on its way then
// is in our buffers (128 KiB), in prog's pipe (64 KiB, 1 MiB if prog enlarged
// it) and in the socket's send buffer (4 MiB, as Linux comes): a peer that takes
// 1.5 kB a second, 12 kbit/s, gets the last byte of it.
const DefaultLinger = time.Hour

// What one Step does at most, so that timers and other tunnels are served.
const (
	maxPasses  = 32        // rounds
	maxRecords = 64        // from the network, and reads of prog's output
	maxIntake  = 256 << 10 // bytes that the TLS library is given: some records hold nothing
)

// How a session ended, other than by a *backend.Error of the TLS library or
// an error of the network.
var (
	ErrHandshakeTimeout = errors.New("handshake timed out")
	ErrIdle             = errors.New("no byte in either direction")
	ErrNoCloseNotify    = errors.New("remote closed connection without a close_notify")
	ErrCleartext        = errors.New("cleartext was sent after the STARTTLS command")
)

// A NetworkError is a connection that broke: reset, or no way to write.
type NetworkError struct {
	Err       error
	Handshake bool // it broke before the handshake was over
}

func (e *NetworkError) Error() string { return e.Err.Error() }
func (e *NetworkError) Unwrap() error { return e.Err }

// An UndeliveredError is a peer that stopped acknowledging, or took too long.
type UndeliveredError struct{ Bytes int64 } // at least

func (e *UndeliveredError) Error() string { return "the peer did not take everything" }

// An UnreadError is a prog that kept its input open and did not read it.
type UnreadError struct{ Bytes int64 } // at least

func (e *UnreadError) Error() string { return "prog did not read everything" }

// A Config is what a tunnel works on, and by which rules.
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

	// Pool lends the tunnel its buffers while there is something in them. Nil:
	// it has its own, which it keeps.
	Pool *Pool

	Rules
}

// Rules are what holds for one session.
type Rules struct {
	// AfterCommand says that the peer has asked for TLS in cleartext on the same
	// connection: what it sends now must begin with a record of a handshake.
	AfterCommand bool

	CloseNotify      bool          // -S
	Enforce          bool          // -J
	HandshakeTimeout time.Duration // 0: none
	IdleTimeout      time.Duration // 0: none
	Linger           time.Duration // 0: DefaultLinger
}

// Stats counts bytes of cleartext.
type Stats struct {
	FromProg, ToProg int64
	Unacked          int64 // not acknowledged when the peer reset a connection that was over
}

// A Tunnel is one session. It has one owner.
type Tunnel struct {
	Config
	Stats Stats
	// StrictPeer is set when the peer answered our bare FIN with an alert.
	StrictPeer bool

	now   time.Duration
	ready Events // what may be tried; cleared when it turns out that it can't be done

	header      int // how much of the peer's first record was looked at
	established bool
	err         error // why the session failed; the first one counts
	dead        bool  // the TLS connection can't be used any more

	// up: prog's output to the network
	inOpen     bool
	inHangup   bool // seen: polling for it again would spin
	draining   bool // take what prog has written so far, then no more
	unfinished bool // prog had more to say: a close_notify would call it complete
	upOver     bool // prog's output was read to its end and given to tx
	upBuf      []byte
	upUsed     int // how much of it held something
	finSent    bool
	txErr      error         // the network can't be written any more
	txErrAt    time.Duration // since when, in a handshake
	sent       int64         // bytes ever taken by the network
	appEnd     int64         // where in that stream prog's last byte ends

	// down: the network to prog's input
	outOpen  bool
	downOver bool // nothing will be decrypted any more
	plain    queue
	rxErr    error // the network broke; what it had brought is still delivered
	// When rxErr counts at the latest; 0: it was not met yet.
	resetDeadline time.Duration

	notify []byte

	records, reads int // how many of them this Step may still take

	start, lastMove time.Duration
	orphanedAt      time.Duration // prog left during the handshake
	failedAt        time.Duration
	endingAt        time.Duration // since when nothing new is to be said; negative: not yet
	expired         bool          // Linger has passed since
	linger          linger
}

// New starts a tunnel at time now. The ends are its to close, but for the network.
func New(c Config, now time.Duration) *Tunnel {
	c.Wire.rx.pool, c.Wire.tx.pool = c.Pool, c.Pool
	if c.Linger == 0 {
		c.Linger = DefaultLinger
	}
	return &Tunnel{
		plain: queue{pool: c.Pool, secret: true}, Config: c, now: now, start: now, lastMove: now, orphanedAt: -1, failedAt: -1, endingAt: -1,
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
		t.closeOut()
	}
	defer t.release()
	t.records, t.reads, t.Wire.intake = maxRecords, maxRecords, maxIntake
	again := false
	for pass := 0; ; pass++ {
		if again = t.pass() || t.spent(); !again || t.spent() || pass == maxPasses {
			break
		}
	}
	before := t.err
	if deadline = t.expire(); t.err != before {
		t.pass() // prog and peer are told at once
		deadline = t.expire()
	}
	if t.finished() {
		t.closeNotifier() // a prog that never read it has not kept us from ending
		return 0, -1, true, t.err
	}
	if again {
		deadline = now
	}
	return t.wants(), deadline, false, nil
}

// Close closes the ends that are still open, but for the network. Step must not
// be called any more.
func (t *Tunnel) Close() {
	if t.inOpen {
		t.inOpen = false
		t.In.Close()
	}
	t.closeOut()
	t.closeNotifier()
	if t.Pool == nil {
		return
	}
	for _, q := range []*queue{&t.Wire.rx, &t.Wire.tx, &t.plain} {
		q.skip(q.len())
	}
	t.release()
}

// spent reports whether this Step has taken all that it may, and there may be more.
func (t *Tunnel) spent() bool {
	return t.records <= 0 || t.reads <= 0 || t.Wire.intake <= 0 && t.Wire.rx.len() > 0
}

// release gives back what is empty, if it was lent.
func (t *Tunnel) release() {
	if t.Pool == nil {
		return
	}
	t.Wire.rx.release()
	t.Wire.tx.release()
	t.plain.release()
	if t.upBuf != nil {
		t.Pool.put(t.upBuf, t.upUsed)
		t.upBuf, t.upUsed = nil, 0
	}
}

// pass runs every part once and reports whether anything moved.
func (t *Tunnel) pass() bool {
	moved := false
	if !t.established {
		moved = t.handshake()
	}
	if t.established {
		moved = t.report() || moved // before a fault behind the handshake can end the session
		moved = t.pull() || moved
		moved = t.feed() || moved
	}
	moved = t.deliver() || moved
	moved = t.flush() || moved
	return t.discard() || moved
}
