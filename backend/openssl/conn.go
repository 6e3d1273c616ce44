//go:build openssl && cgo

package openssl

// #cgo noescape ucspi_handshake
// #cgo nocallback ucspi_handshake
// #cgo noescape ucspi_read
// #cgo nocallback ucspi_read
// #cgo noescape ucspi_write
// #cgo nocallback ucspi_write
// #cgo noescape ucspi_close_notify
// #cgo nocallback ucspi_close_notify
// #include "layer.h"
import "C"

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"time"
	"unsafe"

	"ucspitls/backend"
)

type conn struct {
	c        *C.ucspi_conn // nil once closed
	endpoint *endpoint     // keeps alive what c points to
	wire     backend.Wire
	framing  framing
	eof      bool // the Wire gave io.EOF
	state    backend.State

	done         bool // the handshake is over
	handshakeErr error
	readErr      error
	writeErr     error
	guard        backend.Signer // has the key, if it is not nil
	ownErr       error          // what Keys or the guard said
	unsent       []byte
	closing      bool // CloseWrite was called
	closed       bool // close_notify is in the Wire
}

func (e *endpoint) NewConn(w backend.Wire) backend.Conn {
	c := &conn{endpoint: e, wire: w, guard: e.guard}
	c.state.ServerName = e.sni
	name := C.CString(e.sni)
	defer C.free(unsafe.Pointer(name))
	if c.c = C.ucspi_conn_new(e.c, name); c.c == nil {
		c.end(setup("no memory"))
	}
	return c
}

// Handshake goes on until there is nothing more to read.
func (c *conn) Handshake() error {
	for !c.done {
		c.c.now = C.time_t(c.endpoint.now().Unix())
		outcome := c.handshake()
		var err error
		switch outcome {
		case C.UCSPI_DONE:
			err = c.accept()
			c.finish(err)
		case C.UCSPI_HELLO:
			c.choose()
		case C.UCSPI_AGAIN:
			if c.c.refused == 0 {
				c.drain()
			}
			if err = c.fill(); err == backend.ErrAgain {
				return err
			}
			if err != nil {
				c.finish(c.interrupted(err))
			}
		case C.UCSPI_CLOSED: // a close_notify, where it has no business
			c.finish(c.interrupted(io.EOF))
		default:
			c.finish(c.handshakeError())
		}
	}
	return c.handshakeErr
}

func (e *endpoint) now() time.Time {
	if e.common.Time != nil {
		return e.common.Time()
	}
	return time.Now()
}

// choose answers the ClientHello: with a certificate or an alert.
func (c *conn) choose() {
	var extension []byte
	if c.c.sni != nil {
		extension = C.GoBytes(unsafe.Pointer(c.c.sni), C.int(c.c.sni_length))
		if extension == nil {
			extension = []byte{}
		}
	}
	name, ok := hostName(extension)
	if !ok {
		c.c.refuse = C.int(backend.AlertDecodeError)
		return
	}
	c.state.ServerName = name
	cfg := c.endpoint.server
	pair, err := cfg.Default, error(nil)
	if cfg.Keys != nil {
		pair, err = cfg.Keys(name)
	}
	if err == nil && pair != nil && pair != cfg.Default {
		if l := c.endpoint.pairs[pair]; l != nil {
			err = l.use(c.endpoint, c)
		} else {
			err = c.endpoint.present(pair, c)
		}
	}
	if err == nil && pair != nil {
		err = c.useTickets(name, pair.Chain[0])
	}
	switch {
	case err != nil:
		c.ownErr = err
		c.c.refuse = C.int(backend.AlertInternalError)
	case pair == nil:
		c.c.refuse = C.int(backend.AlertUnrecognizedName)
	}
}

// useTickets derives the ticket keys, if there are any.
func (c *conn) useTickets(name string, leaf []byte) error {
	keys := c.endpoint.server.LiveTicketKeys()
	if len(keys) == 0 {
		C.ucspi_no_ticket(c.c)
		return nil
	}
	context := c.endpoint.server.TicketContext(name, leaf, c.c.ems != 0)
	for _, key := range keys {
		if C.ucspi_add_ticket_key(c.c, bytesOf(key), C.size_t(len(key)), bytesOf(context), C.size_t(len(context))) == 0 {
			return setup("no ticket key can be derived")
		}
	}
	return nil
}

// accept looks at what not every release of libssl does: whether a server
// chose an application protocol that was offered. If not, our Finished is kept
// back.
func (c *conn) accept() error {
	var p *C.uchar
	var n C.uint
	C.SSL_get0_alpn_selected(c.c.ssl, &p, &n)
	c.state.ALPN = C.GoStringN((*C.char)(unsafe.Pointer(p)), C.int(n))
	if n > 0 && !slices.Contains(c.endpoint.common.ALPN, c.state.ALPN) {
		c.c.out.length = 0
		return &backend.Error{Kind: backend.Handshake, Reason: backend.BadHandshake, Err: errors.New("the server chose an application protocol that was not offered")}
	}
	return nil
}

// finish keeps what was negotiated.
func (c *conn) finish(err error) {
	c.done, c.handshakeErr = true, err
	c.drain()
	s := &c.state
	if c.c.version_known != 0 {
		s.Version = uint16(C.SSL_version(c.c.ssl))
		if suite := C.ucspi_suite(c.c); suite != nil {
			s.Cipher = C.GoString(C.SSL_CIPHER_get_name(suite))
		}
		s.Group = groupName(C.GoString(C.ucspi_group(c.c)))
	}
	s.Resumed = C.SSL_session_reused(c.c.ssl) == 1
	if err == nil && c.c.verified != 0 {
		var n C.size_t
		der := C.ucspi_peer(c.c, &n)
		s.Peer = C.GoBytes(unsafe.Pointer(der), C.int(n))
		C.CRYPTO_free(unsafe.Pointer(der), nil, 0)
	}
}

// fill gives OpenSSL, which has used up its input, what is in the Wire.
func (c *conn) fill() error {
	if c.eof {
		return io.EOF
	}
	in := unsafe.Slice((*byte)(c.c.in), C.UCSPI_INPUT)
	n, err := c.wire.Read(in)
	if n == 0 {
		c.eof = err == io.EOF
		return err
	}
	c.framing.add(in[:n])
	if !c.done {
		if err := c.framing.first.check(c.endpoint.server != nil); err != nil {
			return err
		}
	}
	c.c.in_from, c.c.in_to = 0, C.size_t(n)
	return nil
}

// drain takes what OpenSSL wrote, and the lines of the key log.
func (c *conn) drain() {
	if log := &c.c.log; log.length > 0 {
		lines := unsafe.Slice((*byte)(log.bytes), log.length)
		for line := range bytes.Lines(lines) {
			c.endpoint.common.KeyLog(bytes.Clone(bytes.TrimSuffix(line, []byte{'\n'})))
		}
		clear(lines)
		log.length = 0
	}
	if out := &c.c.out; out.length > 0 {
		c.wire.Write(unsafe.Slice((*byte)(out.bytes), out.length))
		out.length = 0
	}
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	for c.readErr == nil && len(p) > 0 {
		outcome := C.ucspi_read(c.c, bytesOf(p), C.size_t(len(p)))
		n := int(c.c.moved)
		c.drain()
		c.flush()
		switch outcome {
		case C.UCSPI_DONE:
			return n, nil
		case C.UCSPI_CLOSED:
			c.readErr = io.EOF
		case C.UCSPI_AGAIN:
			if c.c.sent_no_renegotiation != 0 {
				c.readErr = &backend.Error{Kind: backend.Record, Reason: backend.Renegotiation, Alert: backend.AlertNoRenegotiation}
			} else if err := c.fill(); err == backend.ErrAgain {
				return 0, err
			} else if err != nil {
				c.readErr = c.ended(err)
			}
		default:
			c.readErr = c.recordError()
		}
	}
	return 0, c.readErr
}

// maxUnsent is what is kept for a peer that has not finished its message.
const maxUnsent = 1 << 20

func (c *conn) Write(p []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	switch {
	case c.writeErr != nil:
		return 0, c.writeErr
	case c.closing:
		return 0, &backend.Error{Kind: backend.Record, Reason: backend.InternalError, Err: errors.New("written after close_notify")}
	case len(p) == 0:
		return 0, nil
	case len(c.unsent) > 0 || !c.send(p):
		if c.writeErr == nil && len(c.unsent)+len(p) > maxUnsent {
			c.writeErr = &backend.Error{Kind: backend.Record, Reason: backend.BadMessage, Err: errors.New("the peer does not finish a handshake message")}
		}
		if c.writeErr != nil {
			return 0, c.writeErr
		}
		c.keep(p)
	}
	return len(p), nil
}

// keep appends to what had to wait, and leaves no other copy of it behind.
func (c *conn) keep(p []byte) {
	old := c.unsent
	c.unsent = append(c.unsent, p...)
	if len(old) > 0 && &c.unsent[0] != &old[0] {
		clear(old)
	}
}

// forget wipes it.
func (c *conn) forget() {
	clear(c.unsent)
	c.unsent = nil
}

// send is false if nothing of p was sent: OpenSSL writes nothing while a
// message of the peer has come in part, or there is an error.
func (c *conn) send(p []byte) bool {
	outcome := C.ucspi_write(c.c, bytesOf(p), C.size_t(len(p)))
	c.drain()
	if outcome == C.UCSPI_FAILED || outcome == C.UCSPI_CLOSED {
		c.writeErr = c.recordError()
		if e, ok := c.readErr.(*backend.Error); ok && e.Alert != 0 {
			c.writeErr = e // nothing can be written because of that alert
		}
	}
	return outcome == C.UCSPI_DONE
}

// flush sends what had to wait.
func (c *conn) flush() {
	if len(c.unsent) > 0 && c.writeErr == nil && c.send(c.unsent) {
		c.forget()
	}
	if c.closing && !c.closed && len(c.unsent) == 0 && c.writeErr == nil {
		switch C.ucspi_close_notify(c.c) {
		case C.UCSPI_DONE:
			c.closed = true
		case C.UCSPI_AGAIN:
		default:
			c.writeErr = c.recordError()
		}
		c.drain()
	}
}

func (c *conn) CloseWrite() error {
	if err := c.Handshake(); err != nil {
		return err
	}
	c.closing = true
	c.flush()
	return c.writeErr
}

func (c *conn) State() backend.State { return c.state }

func (c *conn) Close() {
	c.forget()
	C.ucspi_conn_free(c.c)
	c.c = nil
	c.end(&backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: net.ErrClosed})
}

// end makes err the answer to every call.
func (c *conn) end(err error) {
	c.done = true
	c.handshakeErr, c.readErr, c.writeErr = err, err, err
}
