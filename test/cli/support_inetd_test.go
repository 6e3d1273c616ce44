//go:build linux

package cli

import (
	"net"
	"os"
	"testing"

	"ucspitls/test/lab/loopback"
)

// An inetdOnce waits for one connection and starts a program with it on 0 and
// 1, as systemd does with Accept=yes and inetd with nowait.
type inetdOnce struct {
	address string
	started chan *process
}

func inetd(t *testing.T, s spec) *inetdOnce {
	t.Helper()
	address, accepted := listen(t)
	x := &inetdOnce{address, make(chan *process, 1)}
	go func() {
		if sock, ok := <-accepted; ok {
			s.files = map[int]*os.File{0: sock, 1: dup(t, sock)}
			x.started <- start(t, s)
		}
		close(x.started)
	}()
	return x
}

func (x *inetdOnce) expect(t *testing.T, code int, line string) {
	t.Helper()
	p, ok := <-x.started
	if !ok {
		t.Fatal("nobody connected")
	}
	p.expect(code, line)
}

// connect gives a connection as a blocking file.
func connect(t *testing.T, address string) *os.File {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	f, err := loopback.File(conn.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
