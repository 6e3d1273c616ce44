//go:build unix

package tunnel

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"ucspitls/backend"
	"ucspitls/internal/fd"
)

// O_NONBLOCK belongs to the open file description, which prog or others may
// share, so none is ever set here. Three kinds of descriptor, three ways:
//
//	socket                recv and send with MSG_DONTWAIT
//	in O_NONBLOCK already read and write (the wrappers set it on their pipes)
//	any other             poll first; at most pipeAtom bytes a write
//
// so that a terminal, or a pipe that somebody else made, works too.
type kind uint8

const (
	blocking kind = iota
	nonblocking
	socket
	local     // as socket, but it can bring descriptors whose close waits
	untrusted // as nonblocking, but somebody could change it
)

// pipeAtom is what a pipe that polls as writable takes without blocking.
const pipeAtom = 4096

func (k kind) isSocket() bool { return k == socket || k == local }

func kindOf(n int) kind {
	if _, err := unix.GetsockoptInt(n, unix.SOL_SOCKET, unix.SO_TYPE); err == nil {
		return socket
	}
	if flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFL, 0); err == nil && flags&unix.O_NONBLOCK != 0 {
		return nonblocking
	}
	return blocking
}

func readFD(n int, k kind, p []byte) (int, error) {
	for {
		var m int
		var err error
		switch k {
		case socket:
			m, err = recv(n, p)
		case local:
			m, err = fd.Receive(n, p)
		case untrusted:
			if m, err = readNow(n, p); err == syscall.EOPNOTSUPP {
				k = blocking
				continue
			}
		case nonblocking:
			m, err = readPipe(n, p)
		default:
			if !can(n, unix.POLLIN) {
				return 0, backend.ErrAgain
			}
			m, err = unix.Read(n, p)
		}
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK:
			return 0, backend.ErrAgain
		case err != nil:
			return 0, err
		case m == 0:
			return 0, io.EOF
		}
		return m, nil
	}
}

func writeFD(n int, k kind, p []byte) (int, error) {
	for {
		var m int
		var err error
		switch k {
		case socket, local:
			m, err = send(n, p)
		case untrusted:
			if m, err = writeNow(n, p); err == syscall.EOPNOTSUPP {
				k = blocking
				continue
			}
		case nonblocking:
			m, err = writePipe(n, p)
		default:
			if !can(n, unix.POLLOUT) {
				return 0, backend.ErrAgain
			}
			m, err = unix.Write(n, p[:min(len(p), pipeAtom)])
		}
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.ENOBUFS:
			return 0, backend.ErrAgain
		case err != nil:
			return 0, err
		}
		return m, nil
	}
}

// can reports whether n has one of events, or an error to be found, now.
func can(n int, events int16) bool {
	p := []unix.PollFd{{Fd: int32(n), Events: events}}
	got, err := unix.Poll(p, 0)
	return err == nil && got > 0
}

// A Closer closes a descriptor: [fd.Close] for a process that polls, and
// [Handle.Close] for one that a Loop watches. An end has no other way to close
// what it was given, so that nothing is closed while it is watched.
type Closer func(fd int)

// A Stream is one direction of a local descriptor, an In or an Out.
type Stream struct {
	fd    int
	kind  kind
	close Closer
	turn  Turn // nil: nobody waits but who calls
}

// A Turn is given up for a call that others may hold up: Leave before it, and
// Enter behind it with what Leave has given.
type Turn interface {
	Leave() uint64
	Enter(call uint64)
}

// NewStream wraps n. With a turn it is somebody's who has the open file
// description too, and might wish that we wait for it.
func NewStream(n int, c Closer, t Turn) *Stream {
	s := &Stream{fd: n, kind: kindOf(n), close: c, turn: t}
	if t != nil {
		s.kind = untrustedKind(n, s.kind)
	}
	return s
}

func untrustedKind(n int, k kind) kind {
	switch {
	case k != socket:
		return untrusted
	case fd.Local(n):
		return local
	}
	return k
}

func (s *Stream) Read(p []byte) (n int, err error) {
	outOfTurn(s.turn, func() { n, err = readFD(s.fd, s.kind, p) })
	return n, err
}

func (s *Stream) Write(p []byte) (n int, err error) {
	outOfTurn(s.turn, func() { n, err = writeFD(s.fd, s.kind, p) })
	return n, err
}

// outOfTurn makes a call that others may hold up.
func outOfTurn(t Turn, call func()) {
	if t == nil {
		call()
		return
	}
	n := t.Leave()
	call()
	t.Enter(n)
}

// Close closes the descriptor. A socket that is shared with another process
// is also shut down by the caller where that matters.
func (s *Stream) Close() { s.close(s.fd) }

// A Notifier is the descriptor that takes the information blob.
type Notifier struct{ Stream }

// NewNotifier wraps n, as NewStream does.
func NewNotifier(n int, c Closer, t Turn) *Notifier { return &Notifier{*NewStream(n, c, t)} }

// Close gives the reader its EOF.
func (s *Notifier) Close() {
	if s.kind == socket { // a local one's Closer does it
		fd.EndInput(s.fd)
	}
	s.close(s.fd)
}

// A Net is the peer's connection on one or two descriptors. A socket is shut
// down, never closed: prog may hold it too.
type Net struct {
	in, out         int
	inKind, outKind kind
	close           Closer
	turn            Turn // for descriptors that the peer sends along, to be closed
}

// NewNet wraps the descriptors of the network. With a turn others must not
// suffer from the peer.
func NewNet(in, out int, c Closer, t Turn) *Net {
	n := &Net{in: in, out: out, inKind: kindOf(in), outKind: kindOf(out), close: c}
	if n.outKind.isSocket() {
		// An error only says that it is no TCP socket.
		unix.SetsockoptInt(out, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if t != nil {
		if n.inKind = untrustedKind(in, n.inKind); n.inKind != socket {
			n.turn = t
		}
	}
	return n
}

func (n *Net) Read(p []byte) (m int, err error) {
	outOfTurn(n.turn, func() { m, err = readFD(n.in, n.inKind, p) })
	if err == backend.ErrAgain && n.inKind.isSocket() {
		dropReports(n.in)
	}
	return m, err
}

func (n *Net) Write(p []byte) (int, error) {
	m, err := writeFD(n.out, n.outKind, p)
	if err == backend.ErrAgain && n.outKind.isSocket() {
		dropReports(n.out)
	}
	return m, err
}

// CloseWrite half-closes a socket. Of a pair of pipes the writing one is closed.
func (n *Net) CloseWrite() error {
	if n.outKind.isSocket() {
		return unix.Shutdown(n.out, unix.SHUT_WR)
	}
	if n.out == n.in {
		return nil
	}
	n.close(n.out)
	return nil
}

// Unacked implements Network.
func (n *Net) Unacked() (int, error) {
	if !n.outKind.isSocket() {
		return 0, nil
	}
	if code, err := unix.GetsockoptInt(n.out, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
		return unacked(n.out), syscall.Errno(code)
	}
	return unacked(n.out), nil
}

// Shutdown ends the connection for everybody who shares its descriptors.
func (n *Net) Shutdown() {
	unix.Shutdown(n.in, unix.SHUT_RDWR)
	unix.Shutdown(n.out, unix.SHUT_RDWR)
}
