package dial

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// blackhole gives a port of 127.0.0.1 on which connection attempts hang:
// nobody accepts, and the backlog is full.
func blackhole(t *testing.T) string {
	t.Helper()
	n, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(n), "") // its only owner
	defer f.Close()
	if err := syscall.Bind(n, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(n, 0); err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	address := l.Addr().String()
	for range 16 {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			_, port, _ := net.SplitHostPort(address)
			return port
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the backlog does not fill up")
	return ""
}
