package blocking

import (
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
	return s.wire.Write(p)
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
