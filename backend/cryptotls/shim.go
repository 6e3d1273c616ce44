package cryptotls

import (
	"bytes"
	"io"
	"net"
	"time"

	"ucspitls/backend"
)

// A shim is a Wire as the net.Conn that the library wants.
type shim struct {
	wire   backend.Wire
	yield  func(struct{}) bool // leaves the coroutine; nil outside of it
	eof    bool                // the Wire gave io.EOF
	closed bool
	clear  clearAlert // followed during the handshake
	ticket int        // length of the ticket that the next Write ends with, 0 for none
	held   []byte     // records for which the next Write is waited for
}

// again is ErrAgain as crypto/tls likes it: it keeps no error that is
// Temporary, and half a record stays in its buffer.
type again struct{}

func (again) Error() string   { return backend.ErrAgain.Error() }
func (again) Temporary() bool { return true }
func (again) Timeout() bool   { return true }

func (s *shim) Read(p []byte) (int, error) {
	for !s.closed {
		n, err := s.wire.Read(p)
		switch {
		case n > 0:
			if s.yield != nil {
				s.clear.see(p[:n])
			}
			return n, nil
		case err == io.EOF:
			s.eof = true
			return 0, io.EOF
		case err != backend.ErrAgain:
			return 0, err
		case s.yield == nil:
			return 0, again{}
		case !s.yield(struct{}{}):
			s.closed = true
		}
	}
	return 0, net.ErrClosed
}

func (s *shim) Write(p []byte) (int, error) {
	if s.closed {
		return 0, net.ErrClosed
	}
	n := len(p)
	if len(s.held) > 0 {
		p, s.held = append(s.held, p...), nil
	}
	if s.ticket > 0 {
		head := len(p) - ticketRecords(p, s.ticket)
		p, s.held = p[:head], bytes.Clone(p[head:])
		s.ticket = 0
	}
	if len(p) > 0 {
		s.wire.Write(p)
	}
	return n, nil
}

// ticketRecords is the length of the records at the end of p that hold the
// NewSessionTicket message (RFC 8446, 4.6.1) with a ticket of n bytes; 0 if
// they are not all there.
func ticketRecords(p []byte, n int) int {
	const (
		around = 4 + 4 + 4 + 1 + 2 + 2 // header, lifetime, age_add, empty nonce, length, no extensions
		full   = 16384
		seal   = 5 + 1 + 16 // header, type, tag
	)
	message := around + n
	tail := message + (message+full-1)/full*seal
	for len(p) > tail && len(p) >= 5 {
		record := 5 + int(p[3])<<8 + int(p[4])
		if record > len(p)-tail {
			return 0
		}
		p = p[record:]
	}
	if len(p) != tail {
		return 0
	}
	return tail
}

func (s *shim) Close() error {
	s.closed = true
	return nil
}

// crypto/tls sets deadlines around close_notify.
func (*shim) SetDeadline(time.Time) error      { return nil }
func (*shim) SetReadDeadline(time.Time) error  { return nil }
func (*shim) SetWriteDeadline(time.Time) error { return nil }

// Libraries hand these to callbacks that don't look, or make keys of them.
func (*shim) LocalAddr() net.Addr  { return nowhere{} }
func (*shim) RemoteAddr() net.Addr { return nowhere{} }

type nowhere struct{}

func (nowhere) Network() string { return "" }
func (nowhere) String() string  { return "" }
