package tunnel

import (
	"errors"
	"io"
	"syscall"

	"ucspitls/backend"
)

// Down is the network to prog: rx, TLS, plain, prog's input.

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
		if t.outOpen {
			t.lastMove = t.now
		}
		if n < len(room) {
			t.ready &^= NetIn // it is empty now; poll tells when there is more
		}
	}
	return true
}

// pull decrypts into plain.
func (t *Tunnel) pull() bool {
	moved := false
	for !t.downOver && !t.dead && t.records > 0 {
		room := t.plain.space()
		if len(room) == 0 {
			return moved
		}
		n, err := t.Conn.Read(room)
		if n > 0 {
			moved = true
			t.records--
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
				return t.unreadable() || moved
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
	t.draining = true
	t.ready |= LocalIn
}

// unreadable handles a network that can't be read any more, which is a failure
// unless nobody waited for more. prog may be about to leave: an exiting process
// closes its ends one by one, and what it said may have made the peer leave too.
func (t *Tunnel) unreadable() bool {
	if t.outOpen && t.handedOver() {
		if t.resetDeadline == 0 {
			t.resetDeadline = t.now + lingerLeaving
		}
		if t.now < t.resetDeadline {
			return false
		}
	}
	if !t.over() {
		t.fail(&NetworkError{t.rxErr, false})
	}
	t.wasReset()
	t.downOver = true
	return true
}

// wasReset judges a reset by what it may have destroyed. When everything was
// handed over it is a way to say goodbye: a peer that closes without reading
// our close_notify makes its system send one, and then even bytes that it has
// read don't count as acknowledged, if that was delayed.
func (t *Tunnel) wasReset() {
	switch n := t.lost(); {
	case n > 0 && t.over() && t.handedOver():
		t.Stats.Unacked = n
	case n > 0:
		t.fail(&NetworkError{t.rxErr, false})
	}
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
		case gone(err):
			t.closeOut()
			return true
		case err != nil:
			t.fail(err) // a full disk, say
			t.closeOut()
			return true
		}
		t.Stats.ToProg += int64(n)
		t.plain.skip(n)
		moved = true
	}
	if t.outOpen && t.downOver && t.plain.len() == 0 {
		t.closeOut()
		moved = true
	}
	return moved
}

// gone reports whether an error of writing to prog means that it does not read.
func gone(err error) bool {
	return err == syscall.EPIPE || err == syscall.ECONNRESET || err == syscall.EIO // a terminal that hung up
}

// closeOut gives prog its EOF, or notes that prog does not read any more.
func (t *Tunnel) closeOut() {
	if !t.outOpen {
		return
	}
	t.outOpen = false
	t.plain.wipe()
	t.Out.Close()
}
