//go:build openssl && cgo

package openssl

// #include "layer.h"
// #include <openssl/err.h>
// #include <openssl/sslerr.h>
import "C"

import (
	"errors"
	"io"

	"ucspitls/backend"
)

var (
	errNotTLS     = errors.New("the first record is none of TLS")
	errFirstAlert = errors.New("the first record is an alert")
)

// verdicts are the words for what is wrong with a peer's certificate.
var verdicts = map[C.enum_ucspi_verdict]backend.Reason{
	C.UCSPI_MALFORMED:      backend.PeerBadCert,
	C.UCSPI_LEAF_EXPIRED:   backend.PeerExpired,
	C.UCSPI_LEAF_NOT_YET:   backend.PeerNotYet,
	C.UCSPI_WEAK_SIGNATURE: backend.PeerWeak,
	C.UCSPI_UNTRUSTED:      backend.PeerUntrusted,
	C.UCSPI_EXPIRED:        backend.PeerExpired,
	C.UCSPI_NOT_YET:        backend.PeerNotYet,
	C.UCSPI_BAD_CHAIN:      backend.PeerBadChain,
	C.UCSPI_PURPOSE:        backend.PeerPurpose,
	C.UCSPI_NAME:           backend.PeerName,
	C.UCSPI_WEAK_KEY:       backend.PeerWeak,
	C.UCSPI_REVOKED:        backend.PeerRevoked,
	C.UCSPI_NO_CRL:         backend.PeerNoCRL,
}

// interrupted is what an error of the Wire means for the handshake.
func (c *conn) interrupted(err error) error {
	e := &backend.Error{Kind: backend.Handshake, Err: err}
	if c.c.refused != 0 {
		e.Reason = c.verdict()
		return e
	}
	switch err {
	case errNotTLS:
		e.Reason = backend.NotTLS
		if c.framing.first.kind == ssl2 {
			e.Alert = backend.AlertProtocolVersion
			c.wire.Write([]byte{recordAlert, 3, 1, 0, 2, 2, byte(e.Alert)})
		}
	case errFirstAlert:
		e.Alert, e.Peer = c.framing.first.number, true
		e.Reason = e.Alert.Refusal()
	case io.EOF:
		e.Reason = backend.PeerClosed
	default:
		e.Reason = backend.InternalError
	}
	return e
}

// handshakeError puts what libssl said into the contract's words.
func (c *conn) handshakeError() error {
	sent := backend.Alert(c.c.sent_alert)
	if e, ok := errors.AsType[*backend.Error](c.ownErr); ok {
		told := *e
		told.Alert = sent
		return &told
	}
	if c.ownErr != nil {
		return c.ownErr
	}
	f := &c.c.failure
	e := &backend.Error{Kind: backend.Handshake, Alert: sent, Err: errors.New(words(f))}
	if c.c.refused != 0 {
		e.Reason = c.verdict()
		return e
	}
	if a, ok := received(f); ok {
		e.Alert, e.Peer, e.Reason = a, true, a.Refusal()
		return e
	}
	e.Reason = c.reason(f.reason, sent)
	return e
}

// received: libssl makes an error of every fatal alert of the peer.
func received(f *C.ucspi_failure) (backend.Alert, bool) {
	a := f.reason - C.SSL_AD_REASON_OFFSET
	return backend.Alert(a), a >= 0 && a <= 255
}

// reason follows from libssl's reason where that is exact, else from the
// alert that it chose.
func (c *conn) reason(r C.int, sent backend.Alert) backend.Reason {
	switch r {
	case C.SSL_R_CERTIFICATE_VERIFY_FAILED:
		return c.verdict()
	case C.SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return backend.NoPeerCert
	case C.ERR_R_ASN1_LIB, C.SSL_R_UNABLE_TO_FIND_PUBLIC_KEY_PARAMETERS:
		return backend.PeerBadCert
	case C.SSL_R_BAD_SIGNATURE:
		return backend.BadPeerProof
	case C.SSL_R_NO_SHARED_CIPHER, C.SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, C.SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
		C.SSL_R_NO_SUITABLE_KEY_SHARE, C.SSL_R_NO_SUITABLE_GROUPS,
		C.SSL_R_SIGNATURE_ALGORITHMS_ERROR: // of what the peer's CertificateRequest takes; the alert is internal_error
		return backend.NoCipher
	case C.SSL_R_PACKET_LENGTH_TOO_LONG, C.SSL_R_WRONG_VERSION_NUMBER, C.SSL_R_HTTP_REQUEST:
		if c.c.version_known == 0 {
			return backend.NotTLS
		}
		return backend.BadHandshake
	}
	return sent.Fault()
}

func (c *conn) verdict() backend.Reason {
	if r, ok := verdicts[c.c.verdict]; ok {
		return r
	}
	return backend.InternalError
}

// ended is what an error of the Wire means after the handshake.
func (c *conn) ended(err error) error {
	switch {
	case err != io.EOF:
		return &backend.Error{Kind: backend.Record, Reason: backend.InternalError, Err: err}
	case c.framing.inRecord():
		return &backend.Error{Kind: backend.Truncated, Reason: backend.CutRecord, Err: io.ErrUnexpectedEOF}
	}
	return backend.ErrBareEOF
}

// recordError is for what libssl says after the handshake.
func (c *conn) recordError() *backend.Error {
	f := &c.c.failure
	e := &backend.Error{Kind: backend.Record, Alert: backend.Alert(c.c.sent_alert), Err: errors.New(words(f))}
	if a, ok := received(f); ok {
		e.Alert, e.Peer, e.Reason = a, true, backend.PeerAlert
		return e
	}
	mute := e.Alert == 0 && c.closed // libssl sends no alert behind our close_notify
	switch {
	case e.Alert == 0 && !mute:
		e.Reason = backend.InternalError
	case e.Alert == backend.AlertNoRenegotiation:
		e.Reason = backend.Renegotiation
	case e.Alert == backend.AlertBadRecordMAC || e.Alert == backend.AlertRecordOverflow || ofRecord(f.reason):
		e.Reason = backend.BadRecord
	case c.state.Version == backend.TLS12 && (mute || e.Alert == backend.AlertUnexpectedMessage): // it has no messages after its handshake
		e.Reason = backend.Renegotiation
	default:
		e.Reason = backend.BadMessage
	}
	return e
}

// ofRecord tells a bad record from a bad message in a good one.
func ofRecord(r C.int) bool {
	switch r {
	case C.SSL_R_BAD_RECORD_TYPE, C.SSL_R_WRONG_VERSION_NUMBER, C.SSL_R_UNEXPECTED_RECORD, C.SSL_R_INVALID_ALERT,
		C.SSL_R_UNKNOWN_ALERT_TYPE, C.SSL_R_LENGTH_TOO_SHORT, C.SSL_R_BAD_LENGTH, C.SSL_R_DATA_LENGTH_TOO_LONG,
		C.SSL_R_TOO_MANY_WARN_ALERTS, C.SSL_R_RECORD_TOO_SMALL, C.SSL_R_RECORD_LENGTH_MISMATCH, C.SSL_R_HTTP_REQUEST,
		C.SSL_R_BAD_CHANGE_CIPHER_SPEC, C.SSL_R_APP_DATA_IN_HANDSHAKE, C.SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
		C.SSL_R_ENCRYPTED_LENGTH_TOO_LONG, C.SSL_R_PACKET_LENGTH_TOO_LONG,
		C.ERR_R_INTERNAL_ERROR: // TLS 1.2: a record that is too short for its nonce and tag
		return true
	}
	return false
}
