package cryptotls

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"

	"ucspitls/backend"
)

// handshakeError puts what crypto/tls said into the contract's words.
func (c *Conn) handshakeError(err error) error {
	sent := sentAlert(c.lib)
	if c.cause != nil {
		err = c.cause
	}
	if e, ok := err.(*backend.Error); ok { // our own verdict, or a pair that Keys gave
		told := *e
		told.Alert = sent
		return &told
	}
	if c.cause != nil {
		return err
	}
	e := &backend.Error{Kind: backend.Handshake, Alert: sent, Err: err}
	if a, ok := receivedAlert(err); ok {
		e.Alert, e.Peer, e.Reason = a, true, a.Refusal()
		return e
	}
	if a := c.shim.clear.alert; a != 0 && sent == backend.AlertBadRecordMAC {
		e.Alert, e.Peer, e.Reason = a, true, a.Refusal()
		return e
	}
	e.Reason = c.reason(err, sent)
	return e
}

// reason follows from the alert that crypto/tls chose; where one alert has
// several reasons its words or the progress of the handshake tell them apart.
func (c *Conn) reason(err error, sent backend.Alert) backend.Reason {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && c.verifier != nil {
		return c.verifier.Explain(e.Err, e.UnverifiedCertificates, c.use).Reason
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if c.state.Version == 0 {
			return backend.NotTLS
		}
		return backend.BadHandshake
	}
	says := func(s string) bool { return strings.Contains(err.Error(), s) }
	switch {
	case isPanic(err):
		return backend.InternalError
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return backend.PeerClosed
	case says("invalid signature by"):
		return backend.BadPeerProof
	case says("failed to parse client certificate"), says("failed to parse certificate from server"):
		return backend.PeerBadCert
	case says("exceeds maximum"), says("missing ServerKeyExchange"), // the alert is internal_error
		sent == 0 && says("tls: "): // crypto/tls forgets some alerts
		return backend.BadHandshake
	case says("didn't provide a certificate"):
		return backend.NoPeerCert
	case says("unsupported curve"): // offered for the looks of it; the alert is internal_error
		return backend.NoCipher
	}
	return sent.Fault()
}

// recordError is for what happens after the handshake.
func (c *Conn) recordError(err error) *backend.Error {
	e := &backend.Error{Kind: backend.Record, Alert: sentAlert(c.lib), Err: err}
	if a, ok := receivedAlert(err); ok {
		e.Alert, e.Peer, e.Reason = a, true, backend.PeerAlert
		return e
	}
	op, _ := errors.AsType[*net.OpError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case err == io.ErrUnexpectedEOF:
		e.Kind, e.Reason, e.Alert = backend.Truncated, backend.CutRecord, 0
	case e.Alert == 0 || isPanic(err):
		e.Reason = backend.InternalError
	case e.Alert == backend.AlertNoRenegotiation:
		e.Reason = backend.Renegotiation
	case e.Alert == backend.AlertDecodeError || e.Alert == backend.AlertIllegalParameter:
		e.Reason = backend.BadMessage
	case op != nil || header: // crypto/tls gives the bare alert for a record, words for a message
		e.Reason = backend.BadRecord
	case c.state.Version == backend.TLS12: // which has no other messages after its handshake
		e.Reason = backend.Renegotiation
	default:
		e.Reason = backend.BadMessage
	}
	return e
}

// receivedAlert: crypto/tls wraps an alert of the peer, whose type it keeps
// to itself, in an OpError.
func receivedAlert(err error) (backend.Alert, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return 0, false
	}
	return alertIn(reflect.ValueOf(op.Err)), true
}

// sentAlert is the alert that ended our side, 0 for none. Most errors of
// crypto/tls don't tell it, and under TLS 1.3 it can't be read off the wire,
// so it is looked up where crypto/tls keeps it to refuse further writes.
// Should a release keep it elsewhere the tests see it, and this gives 0.
func sentAlert(l Library) backend.Alert {
	out := reflect.ValueOf(l).Elem().FieldByName("out")
	if !out.IsValid() || out.Kind() != reflect.Struct {
		return 0
	}
	return alertIn(out.FieldByName("err"))
}

// alertIn unwraps errors down to the number.
func alertIn(v reflect.Value) backend.Alert {
	for range 8 {
		switch v.Kind() {
		case reflect.Uint8:
			return backend.Alert(v.Uint())
		case reflect.Interface, reflect.Pointer:
			v = v.Elem()
		case reflect.Struct:
			inner := v.FieldByName("err") // permanentError
			if !inner.IsValid() {
				inner = v.FieldByName("Err") // net.OpError
			}
			v = inner
		default:
			return 0
		}
	}
	return 0
}
