package gotls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"

	"ucspitls/backend"
	"ucspitls/backend/verify"
)

type conn struct {
	shim     shim
	tls      *tls.Conn
	verifier *verify.Verifier // nil if nothing is verified
	use      x509.ExtKeyUsage // what the peer's certificate must be for
	state    backend.State
	verified bool  // the peer's certificate is good; its key is proven when the handshake is done
	keysErr  error // what Keys said

	next func() (struct{}, bool) // goes on with the handshake
	stop func()                  // gives it up

	done         bool  // the handshake is over
	handshakeErr error // how, and so on: every error but ErrAgain stays
	readErr      error
	writeErr     error
}

func (c *conn) Handshake() error {
	if c.done {
		return c.handshakeErr
	}
	if c.next == nil {
		c.next, c.stop = iter.Pull(c.handshake)
	}
	if c.resume() {
		return backend.ErrAgain
	}
	c.finish()
	return c.handshakeErr
}

// handshake is the coroutine.
func (c *conn) handshake(yield func(struct{}) bool) {
	c.shim.yield = yield
	defer func() { c.shim.yield = nil }()
	defer caught(&c.handshakeErr)
	c.handshakeErr = c.tls.Handshake()
}

// resume tells whether the handshake waits for the Wire.
func (c *conn) resume() bool {
	_, waits := c.next()
	return waits
}

func (c *conn) finish() {
	c.done = true
	c.note(c.tls.ConnectionState())
	if c.handshakeErr != nil {
		c.handshakeErr = c.handshakeError(c.handshakeErr)
	}
}

// note keeps what was negotiated. A peer counts as verified only now: its
// certificate was looked at before it had proven to have the key.
func (c *conn) note(cs tls.ConnectionState) {
	s := &c.state
	s.Version, s.Cipher, s.Group = cs.Version, cipherName(cs.CipherSuite), groupName(cs.CurveID)
	s.ALPN, s.Resumed = cs.NegotiatedProtocol, cs.DidResume
	if c.verified && cs.HandshakeComplete && len(cs.PeerCertificates) > 0 {
		s.Peer = cs.PeerCertificates[0].Raw
	}
}

func (c *conn) Read(p []byte) (n int, err error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if c.readErr != nil {
		return 0, c.readErr
	}
	n, err = c.read(p)
	switch {
	case n > 0 || err == nil: // an error behind data comes with the next call
		return n, nil
	case err == again{}:
		return 0, backend.ErrAgain
	case err == io.EOF && c.shim.eof:
		c.readErr = backend.ErrBareEOF
	case err == io.EOF:
		c.readErr = io.EOF
	default:
		c.readErr = c.recordError(err)
	}
	return 0, c.readErr
}

func (c *conn) read(p []byte) (n int, err error) {
	defer caught(&err)
	return c.tls.Read(p)
}

func (c *conn) Write(p []byte) (n int, err error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	if n, err = c.write(p); err != nil {
		c.failWrite(err)
		return n, c.writeErr
	}
	return n, nil
}

func (c *conn) write(p []byte) (n int, err error) {
	defer caught(&err)
	return c.tls.Write(p)
}

func (c *conn) CloseWrite() (err error) {
	if err := c.Handshake(); err != nil {
		return err
	}
	if c.writeErr == nil {
		if err := c.closeNotify(); err != nil {
			c.failWrite(err)
		}
	}
	return c.writeErr
}

func (c *conn) closeNotify() (err error) {
	defer caught(&err)
	return c.tls.CloseWrite()
}

// failWrite: after a fatal alert the reason why it was sent is the reason
// why nothing can be written.
func (c *conn) failWrite(err error) {
	if e, ok := c.readErr.(*backend.Error); ok && e.Alert != 0 && !e.Peer {
		c.writeErr = e
		return
	}
	c.writeErr = c.recordError(err)
}

func (c *conn) State() backend.State { return c.state }

func (c *conn) Close() {
	c.shim.closed = true // whatever runs below writes nothing
	if c.stop != nil {
		c.stop()
	}
	closed := &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: net.ErrClosed}
	if !c.done {
		c.done, c.handshakeErr = true, closed
	}
	c.readErr, c.writeErr = closed, closed
	c.tls = nil
}

// caught makes an error of a panic: the library gets what strangers send.
func caught(err *error) {
	if v := recover(); v != nil {
		*err = &panicError{v}
	}
}

type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }

func isPanic(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}
