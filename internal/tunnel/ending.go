package tunnel

import (
	"io"
	"time"

	"ucspitls/backend"
)

// linger is the wait for the peer's system to take our last bytes.
type linger struct {
	active  bool
	unacked int64         // at the last look, with what is not even sent
	acked   int64         // the most that was acknowledged
	movedAt time.Duration // when that last rose
	every   time.Duration // until the next look
	lookAt  time.Duration
}

const (
	firstLook = time.Millisecond
	lastLook  = 500 * time.Millisecond
)

// acked is how many of the bytes sent, and our FIN, the peer's system has.
func (t *Tunnel) acked(unacked int) int64 {
	acked := t.sent - int64(unacked)
	if t.finSent {
		acked++
	}
	return acked
}

// unacked is what the peer's system has not acknowledged, our FIN included.
func (t *Tunnel) unacked() int {
	n, _ := t.Net.Unacked()
	return n
}

// lost is how many of prog's bytes the peer's system is not known to have.
func (t *Tunnel) lost() int64 { return max(0, t.appEnd-t.acked(t.unacked())) }

// handedOver reports whether prog has said all it will, and the network has it.
func (t *Tunnel) handedOver() bool { return t.upOver && t.sent >= t.appEnd }

// over reports whether neither side has anything more to say.
func (t *Tunnel) over() bool { return t.upOver && (t.downOver || !t.outOpen) }

// abandoned reports whether nobody is left at either local end, whatever still
// waits in prog's pipe behind a peer that takes nothing.
func (t *Tunnel) abandoned() bool { return t.inHangup && !t.outOpen }

// ending reports whether nothing new will be said: what is left is to be taken.
func (t *Tunnel) ending() bool {
	return t.err != nil || t.established && (t.over() || t.abandoned())
}

// discard throws away what the peer sends after its close_notify, after a
// failure, or when nobody is left to read it: a FIN or a reset may stand behind it.
func (t *Tunnel) discard() bool {
	if !t.downOver || t.ready&NetIn == 0 || t.Wire.eof || t.rxErr != nil {
		return false
	}
	rx := &t.Wire.rx
	rx.skip(rx.len())
	switch _, err := t.Net.Read(rx.space()); err {
	case nil:
	case backend.ErrAgain:
		t.ready &^= NetIn
		return false
	case io.EOF:
		t.Wire.eof = true
	default:
		t.rxErr = err
		t.wasReset()
	}
	return true
}

// expire acts on the clock and gives the time of the next action, negative for none.
func (t *Tunnel) expire() time.Duration {
	deadline := time.Duration(-1)
	sooner := func(at time.Duration) bool {
		if t.now >= at {
			return true
		}
		if deadline < 0 || at < deadline {
			deadline = at
		}
		return false
	}
	if t.resetDeadline > t.now {
		sooner(t.resetDeadline)
	}
	if t.ending() {
		if t.endingAt < 0 {
			t.endingAt = t.now
		}
		if sooner(t.endingAt + t.Linger) {
			t.giveUp()
			return -1
		}
	}
	switch {
	case t.dead && t.err != nil:
		sooner(t.failedAt + lingerAlert)
	case !t.established && t.txErr != nil && sooner(t.txErrAt+lingerAlert):
		t.fail(&NetworkError{t.txErr, true})
		t.failedAt = t.now - lingerAlert
	case !t.established:
		if t.HandshakeTimeout > 0 && sooner(t.start+t.HandshakeTimeout) || t.orphaned(sooner) {
			t.fail(ErrHandshakeTimeout)
			t.failedAt = t.now - lingerAlert // no alert is owed, nobody is waited for
		}
	case t.ending():
		t.look(sooner)
	case t.IdleTimeout > 0 && sooner(t.lastMove+t.IdleTimeout):
		t.unfinished = !t.upOver
		t.endUp()
		t.fail(ErrIdle)
		t.flush()
		sooner(t.failedAt + lingerAlert)
	}
	return deadline
}

// orphaned bounds a handshake for a prog that is gone: what it wrote is still
// to be delivered, but not at any price.
func (t *Tunnel) orphaned(sooner func(time.Duration) bool) bool {
	if !t.abandoned() {
		return false
	}
	if t.orphanedAt < 0 {
		t.orphanedAt = t.now
	}
	limit := t.Linger
	if t.HandshakeTimeout == 0 {
		limit = min(limit, orphanLimit)
	}
	return sooner(t.orphanedAt + limit)
}

// giveUp ends a session that has been ending for too long.
func (t *Tunnel) giveUp() {
	t.expired = true
	unread := 0
	if t.outOpen {
		unread = t.plain.len()
	}
	switch n := t.unacked() + t.Wire.tx.len(); {
	case t.err != nil:
	case n > 0 || !t.finSent:
		t.fail(&UndeliveredError{int64(n)})
	case unread > 0:
		t.fail(&UnreadError{int64(unread)})
	}
	t.closeOut()
}

// look watches the acknowledgements of a session that is over. Poll does not
// tell about them, so it looks again and again, less and less often.
func (t *Tunnel) look(sooner func(time.Duration) bool) {
	l := &t.linger
	if !l.active {
		*l = linger{active: true, acked: -1, every: firstLook, lookAt: t.now}
	}
	if t.netGone() {
		return
	}
	for t.now >= l.lookAt {
		unacked, err := t.Net.Unacked()
		if err != nil {
			t.rxErr = err
			t.wasReset()
			return
		}
		l.unacked = int64(unacked) + int64(t.Wire.tx.len())
		if acked := t.acked(unacked); acked > l.acked {
			l.acked, l.movedAt = acked, t.now
		}
		l.lookAt = t.now + l.every
		l.every = min(2*l.every, lastLook)
	}
	switch {
	case t.taken():
		if !t.Wire.eof {
			sooner(l.movedAt + lingerQuiet)
		}
	case sooner(l.movedAt + lingerStalled):
		t.fail(&UndeliveredError{l.unacked})
		t.failedAt = t.now - lingerAlert
	default:
		sooner(l.lookAt)
	}
}

// taken reports whether the peer's system has everything, our FIN included.
func (t *Tunnel) taken() bool { return t.finSent && t.linger.unacked == 0 }

// netGone reports whether the network will bring and take nothing more.
func (t *Tunnel) netGone() bool { return t.rxErr != nil || t.txErr != nil && t.Wire.eof }

// finished reports whether nothing is left to do.
func (t *Tunnel) finished() bool {
	switch {
	case t.expired:
		return true
	case t.outOpen && t.plain.len() > 0:
		return false // prog has not taken everything yet
	case t.dead && t.err != nil:
		return t.netGone() || t.Wire.eof && t.finSent || t.now >= t.failedAt+lingerAlert
	case !t.over():
		return false
	}
	return t.netGone() || t.taken() && (t.Wire.eof || t.now >= t.linger.movedAt+lingerQuiet)
}

// wants is what the driver is to wait for. Nothing is asked for that is known
// already or can't be used now: poll would return at once, again and again.
func (t *Tunnel) wants() Events {
	var want Events
	w := t.Wire
	if !w.eof && t.rxErr == nil && t.ready&NetIn == 0 {
		reading := t.downOver || !t.established || t.plain.len() < bufferSize
		if reading && (w.rx.len() == 0 || t.downOver) && w.tx.len() <= maxReplies {
			want |= NetIn
		}
	}
	if w.tx.len() > 0 && t.txErr == nil && t.ready&NetOut == 0 {
		want |= NetOut
	}
	if t.inOpen {
		if t.established && !t.upOver && w.tx.len() < maxUnsent && t.ready&LocalIn == 0 {
			want |= LocalIn
		} else if !t.inHangup {
			want |= InHangup
		}
	}
	if t.outOpen {
		want |= OutHangup
		if t.plain.len() > 0 && t.ready&LocalOut == 0 {
			want |= LocalOut
		}
	}
	if t.Notify != nil && len(t.notify) > 0 {
		want |= NotifyOut
	}
	return want
}
