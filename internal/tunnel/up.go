package tunnel

import (
	"io"

	"ucspitls/backend"
)

// Up is prog to the network: prog's output, TLS, tx.

// feed encrypts what prog wrote.
func (t *Tunnel) feed() bool {
	moved := false
	for t.inOpen && !t.upOver && t.Wire.tx.len() < maxUnsent && t.ready&LocalIn != 0 && t.reads > 0 {
		if t.upBuf == nil {
			t.upBuf = t.Pool.get()[:bufferSize]
		}
		n, err := t.In.Read(t.upBuf)
		switch {
		case err == backend.ErrAgain && t.draining:
			t.unfinished = true
			t.endUp()
			return true
		case err == io.EOF:
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
		t.reads--
		t.upUsed = n
		t.lastMove = t.now
		if t.rxErr != nil {
			// After the peer's close_notify a reset is no failure, until prog
			// wants to say something all the same.
			t.fail(&NetworkError{t.rxErr, false})
			return true
		}
		_, err = t.Conn.Write(t.upBuf[:n])
		clear(t.upBuf[:n])
		t.upUsed = 0
		if err != nil {
			t.fail(err)
			return true
		}
		t.Stats.FromProg += int64(n)
		t.appEnd = t.sent + int64(t.Wire.tx.len())
		if n < len(t.upBuf) && !t.draining && !t.inHangup {
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
		clear(t.upBuf[:t.upUsed])
	}
	if t.upOver {
		return
	}
	t.upOver = true
	if t.CloseNotify && t.established && !t.dead && !t.unfinished {
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
		t.linger.lookAt = t.now // what was acknowledged before says nothing about these
	}
	if t.upOver && tx.len() == 0 && !t.finSent && t.txErr == nil {
		if err := t.Net.CloseWrite(); err != nil {
			t.unwritable(err)
		} else {
			t.finSent = true
			t.linger.lookAt = t.now
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
		t.txErrAt = t.now
		return // an alert may say why
	}
	switch n := t.lost(); {
	case t.err != nil:
	case n > 0 && t.handedOver():
		t.Stats.Unacked = n
	case n > 0:
		t.setErr(&NetworkError{err, false})
	}
	t.upOver = true // no close_notify: there is nobody to take it
	t.endUp()
}
