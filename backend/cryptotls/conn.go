// Package cryptotls is what the backends on crypto/tls, or on a library that
// was forked from it, share: keys, names, errors, and a backend.Conn of one of
// their connections. They block, want a net.Conn, and keep some of what an
// administrator must know to themselves.
//
// The handshake runs in a coroutine that is left whenever the Wire is empty. A
// Conn starts no goroutine that outlives it. If its first call was made by a
// goroutine that had locked its thread, all calls must be, and the other way
// round (see iter.Pull).
package cryptotls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls/verify"
	"ucspitls/backend/stack"
)

// A Library is a connection of crypto/tls, or of something that takes on its
// types. It is a pointer to a struct.
type Library interface {
	Handshake() error
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	CloseWrite() error
	ConnectionState() tls.ConnectionState
}

// A Conn is a Library as a backend.Conn.
type Conn struct {
	shim     shim
	lib      Library
	verifier *verify.Verifier // nil if nothing is verified
	use      x509.ExtKeyUsage // what the peer's certificate must be for
	state    backend.State
	verified bool  // the peer's certificate is good; its key is proven when the handshake is done
	cause    error // what our own side could not do
	useless  *int  // the library's count of records that bring nothing; see advanced

	next func() (struct{}, bool) // goes on with the handshake
	stop func()                  // gives it up

	done         bool  // the handshake is over
	handshakeErr error // how, and so on: every error but ErrAgain stays
	readErr      error
	writeErr     error
}

// New is a Conn that wants a certificate for use of its peer. The verifier is
// nil if nothing is verified. Start comes next.
func New(w backend.Wire, v *verify.Verifier, use x509.ExtKeyUsage) *Conn {
	return &Conn{shim: shim{wire: w}, verifier: v, use: use}
}

// Net is the network as the library wants it. Closing it closes nothing.
func (c *Conn) Net() net.Conn { return &c.shim }

// Start gives the Conn its library, which stands on Net.
func (c *Conn) Start(l Library) { c.lib = l }

// Named sets the server name in the State.
func (c *Conn) Named(name string) { c.state.ServerName = name }

// HoldTicket says that the library is about to send a NewSessionTicket of TLS
// 1.3 with a ticket of n bytes. It goes out in front of what is written next:
// a peer that sends and does not read would else close with an unread record,
// which resets the connection and destroys what it has sent.
func (c *Conn) HoldTicket(n int) { c.shim.ticket = n }

// Fail says why a callback of the library fails: the handshake will end with
// err and not with what the library makes of it.
func (c *Conn) Fail(err error) error {
	c.cause = err
	return err
}

// Verify verifies what the peer presented, for name unless that is empty.
func (c *Conn) Verify(presented []*x509.Certificate, name string) error {
	return c.verdict(c.verifier.Peer(presented, c.use, name))
}

// VerifyPolicy verifies chains that the library has built.
func (c *Conn) VerifyPolicy(chains [][]*x509.Certificate) error {
	return c.verdict(c.verifier.Policy(chains))
}

func (c *Conn) verdict(err error) error {
	c.verified = err == nil
	return err
}

func (c *Conn) Handshake() error {
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
func (c *Conn) handshake(yield func(struct{}) bool) {
	stack.Grow()
	c.shim.yield = yield
	defer func() { c.shim.yield = nil }()
	defer caught(&c.handshakeErr)
	c.handshakeErr = c.lib.Handshake()
}

// resume reports whether the handshake waits for the Wire.
func (c *Conn) resume() bool {
	_, waits := c.next()
	return waits
}

func (c *Conn) finish() {
	c.done = true
	c.note(c.lib.ConnectionState())
	c.useless = uselessRecords(c.lib)
	c.advanced()
	if c.handshakeErr != nil {
		c.handshakeErr = c.handshakeError(c.handshakeErr)
	}
}

// note keeps what was negotiated. A peer counts as verified only now: its
// certificate was looked at before it had proven to have the key.
func (c *Conn) note(cs tls.ConnectionState) {
	s := &c.state
	s.Version, s.Cipher, s.Group = cs.Version, cipherName(cs.CipherSuite), groupName(cs.CurveID)
	s.ALPN, s.Resumed = cs.NegotiatedProtocol, cs.DidResume
	if c.verified && cs.HandshakeComplete && len(cs.PeerCertificates) > 0 {
		s.Peer = cs.PeerCertificates[0].Raw
	}
}

func (c *Conn) Read(p []byte) (n int, err error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if c.readErr != nil {
		return 0, c.readErr
	}
	n, err = c.read(p)
	switch {
	case n > 0 || err == nil: // an error behind data comes with the next call
		c.advanced()
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

func (c *Conn) read(p []byte) (n int, err error) {
	defer caught(&err)
	return c.lib.Read(p)
}

func (c *Conn) Write(p []byte) (n int, err error) {
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
	c.advanced()
	return n, nil
}

func (c *Conn) write(p []byte) (n int, err error) {
	defer caught(&err)
	return c.lib.Write(p)
}

func (c *Conn) CloseWrite() (err error) {
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

func (c *Conn) closeNotify() (err error) {
	defer caught(&err)
	return c.lib.CloseWrite()
}

// failWrite: after a fatal alert the reason why it was sent is the reason
// why nothing can be written.
func (c *Conn) failWrite(err error) {
	if e, ok := c.readErr.(*backend.Error); ok && e.Alert != 0 && !e.Peer {
		c.writeErr = e
		return
	}
	c.writeErr = c.recordError(err)
}

func (c *Conn) State() backend.State { return c.state }

func (c *Conn) Close() {
	c.shim.closed = true // whatever runs below writes nothing
	if c.stop != nil {
		c.stop()
	}
	closed := &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: net.ErrClosed}
	if !c.done {
		c.done, c.handshakeErr = true, closed
	}
	c.readErr, c.writeErr = closed, closed
	c.lib, c.useless = nil, nil
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
