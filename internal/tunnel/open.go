package tunnel

import (
	"errors"

	"ucspitls/backend"
)

// handshake drives the handshake with what the network brought.
func (t *Tunnel) handshake() bool {
	if t.dead {
		return false
	}
	moved := t.fill()
	if moved && t.cleartext() {
		t.fail(ErrCleartext)
		return true
	}
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
	if t.txErr != nil && t.Wire.eof && !fromPeer(err) {
		// The system tells about a reset once; our write was the first to hear
		// of it, and what was read looked like an end.
		err = &NetworkError{t.txErr, true}
	}
	t.fail(err)
	return true
}

// firstRecord is how a handshake record begins: its type and the major version
// of every TLS (RFC 8446, 5.1).
var firstRecord = [...]byte{22, 3}

// cleartext reports whether the peer goes on in cleartext after it has asked for
// TLS: somebody put commands behind its own, to have them taken for encrypted
// ones (the STARTTLS injection of CVE-2011-0411). It looks at what fill has
// brought, before the TLS library sees it. No alert answers it: a peer in
// cleartext would not understand one.
func (t *Tunnel) cleartext() bool {
	if !t.AfterCommand {
		return false
	}
	for _, b := range t.Wire.rx.bytes() {
		if t.header == len(firstRecord) {
			break
		}
		if b != firstRecord[t.header] {
			return true
		}
		t.header++
	}
	return false
}

// fromPeer reports whether err is an alert that the peer sent.
func fromPeer(err error) bool {
	var e *backend.Error
	return errors.As(err, &e) && e.Peer
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
