// Package socket is TCP and UDP on raw system calls: what is needed of package
// net, without its start-up cost, its dual stack and its keepalives.
//
// A descriptor that is returned as an int is the caller's to close, is
// close-on-exec and, unless said otherwise, blocking.
package socket

import (
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Listen makes a TCP socket that listens, in O_NONBLOCK. An IPv6 socket takes
// no IPv4 connections. It can be bound while connections of an earlier one
// are still open.
func Listen(at netip.AddrPort, backlog int) (int, error) {
	n, err := open(at.Addr(), syscall.SOCK_STREAM)
	if err != nil {
		return -1, err
	}
	err = syscall.SetsockoptInt(n, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil && at.Addr().Is6() {
		err = syscall.SetsockoptInt(n, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = syscall.Bind(n, sockaddr(at))
	}
	if err == nil {
		err = syscall.Listen(n, backlog)
	}
	if err != nil {
		syscall.Close(n)
		return -1, err
	}
	return n, nil
}

// Connect makes a TCP (syscall.SOCK_STREAM) or UDP (SOCK_DGRAM) socket that is
// connected to remote. local is the end to bind to; its zero value, or an
// unspecified address, leaves the choice to the system. The file is in
// O_NONBLOCK, so that its deadlines work. The error is a *BindError or a
// syscall.Errno: ETIMEDOUT when deadline passed.
func Connect(kind int, local, remote netip.AddrPort, deadline time.Time) (*os.File, error) {
	n, err := open(remote.Addr(), kind)
	if err != nil {
		return nil, err
	}
	if local.IsValid() {
		if local.Port() != 0 {
			syscall.SetsockoptInt(n, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		}
		if err := syscall.Bind(n, sockaddr(local)); err != nil {
			syscall.Close(n)
			return nil, &BindError{err}
		}
	}
	if err = syscall.Connect(n, sockaddr(remote)); err != nil && err != syscall.EINPROGRESS && err != syscall.EINTR {
		syscall.Close(n)
		return nil, err
	}
	f := os.NewFile(uintptr(n), "socket")
	if err != nil {
		if err = wait(f, deadline); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// A BindError says that the local end can't be had.
type BindError struct{ Err error }

func (e *BindError) Error() string { return e.Err.Error() }
func (e *BindError) Unwrap() error { return e.Err }

// wait waits for the end of a connection attempt.
func wait(f *os.File, deadline time.Time) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	f.SetWriteDeadline(deadline)
	defer f.SetWriteDeadline(time.Time{})
	var result error
	err = raw.Write(func(n uintptr) bool {
		e, err := syscall.GetsockoptInt(int(n), syscall.SOL_SOCKET, syscall.SO_ERROR)
		switch {
		case err != nil:
			result = err
		case e != 0:
			result = syscall.Errno(e)
		default:
			// Without an error it is either connected or still trying.
			_, err = syscall.Getpeername(int(n))
			return err == nil
		}
		return true
	})
	switch {
	case err == nil:
		return result
	case os.IsTimeout(err):
		return syscall.ETIMEDOUT
	}
	return err
}

// Number is the descriptor of a file from Connect. The file keeps it.
func Number(f *os.File) int {
	number := -1
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(n uintptr) { number = int(n) })
	}
	return number
}

// Local is this end's address, the zero value when it is not known.
func Local(n int) netip.AddrPort { sa, _ := syscall.Getsockname(n); return AddrPort(sa) }

// Remote is the peer's address, the zero value when it is not known.
func Remote(n int) netip.AddrPort { sa, _ := syscall.Getpeername(n); return AddrPort(sa) }

// NoDelay switches Nagle's algorithm off.
func NoDelay(n int) error {
	return syscall.SetsockoptInt(n, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}

func open(addr netip.Addr, kind int) (int, error) {
	family := syscall.AF_INET
	if addr.Is6() {
		family = syscall.AF_INET6
	}
	syscall.ForkLock.RLock()
	n, err := syscall.Socket(family, kind, 0)
	if err == nil {
		syscall.CloseOnExec(n)
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		if err = syscall.SetNonblock(n, true); err != nil {
			syscall.Close(n)
		}
	}
	return n, err
}

func sockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is6() {
		return &syscall.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zoneID(a.Addr().Zone())}
	}
	return &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// AddrPort is the other form of a socket's address.
func AddrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).WithZone(zoneName(sa.ZoneId)), uint16(sa.Port))
	}
	return netip.AddrPort{}
}
