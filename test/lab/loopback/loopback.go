// Package loopback makes TCP connections on 127.0.0.1, and descriptors of them
// as a super-server hands them to a program.
package loopback

import (
	"net"
	"os"
	"syscall"
	"testing"
)

// Listen listens on a free port.
func Listen() (*net.TCPListener, error) {
	return net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

// Pair gives both ends of a connection.
func Pair() (dialled, accepted *net.TCPConn, err error) {
	l, err := Listen()
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	// The system connects it before anybody accepts.
	if dialled, err = net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr)); err != nil {
		return nil, nil, err
	}
	if accepted, err = l.AcceptTCP(); err != nil {
		dialled.Close()
		return nil, nil, err
	}
	return dialled, accepted, nil
}

// File takes a connection over as a blocking descriptor that nobody else holds.
func File(c *net.TCPConn) (*os.File, error) {
	defer c.Close()
	f, err := c.File()
	if err == nil {
		f.Fd() // makes it a blocking one
	}
	return f, err
}

// Files is File and one more descriptor of the same socket.
func Files(c *net.TCPConn) (first, second *os.File, err error) {
	if first, err = File(c); err != nil {
		return nil, nil, err
	}
	if second, err = Dup(first); err != nil {
		first.Close()
		return nil, nil, err
	}
	return first, second, nil
}

// Dup is one more descriptor of an open file.
func Dup(f *os.File) (*os.File, error) {
	n, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(n)
	return os.NewFile(uintptr(n), f.Name()), nil
}

// FreePort is a port on which nobody listens.
func FreePort(t testing.TB) (port string) {
	t.Helper()
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}
