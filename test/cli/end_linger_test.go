//go:build linux

package cli

import (
	"crypto/tls"
	"io"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// narrow is network with a peer that has little room for what it does not read.
func narrow(t *testing.T) (*tap, *os.File) {
	t.Helper()
	peer, sock := network(t)
	peer.SetReadBuffer(2304)
	syscall.SetsockoptInt(int(sock.Fd()), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 20000)
	return peer, sock
}

// TestLinger: a peer that takes a little now and then keeps a tunnel as long as
// TLS_LINGER says, whatever -K and TLS_IDLE_TIMEOUT are, and what was not taken is said.
func TestLinger(t *testing.T) {
	line := regexp.MustCompile(`^s6-tlsd-io: fatal: the peer did not take everything: [1-9]\d* bytes not acknowledged\n$`)
	eachServer(t, func(t *testing.T, program string, version tweak) {
		base, _ := material(t)
		stage := newStage(t)
		peer, sock := narrow(t)
		p := start(t, spec{program: program, args: append([]string{"-K", "0"}, stage.prog()...),
			env: append(base, stage.env(), "TLS_LINGER=1500"), files: map[int]*os.File{0: dup(t, sock), 1: sock}})
		var a *app
		if delayed(program) {
			a = stage.app()
			a.write(a.ctl, "y")
		}
		c := handshake(t, peer, version)
		if a == nil {
			a = stage.app()
		}
		a.send(step{Do: "pour", FD: a.wr, N: 4 << 20})
		if _, err := io.ReadFull(c, make([]byte, 5000)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "full sockets", func() bool {
			n := unread(t, peer)
			time.Sleep(50 * time.Millisecond)
			return n > 0 && unread(t, peer) == n
		})
		// Now it trickles.
		var ended atomic.Bool
		done := make(chan bool)
		go func() {
			defer close(done)
			for b := make([]byte, 300); !ended.Load(); time.Sleep(20 * time.Millisecond) {
				if _, err := io.ReadFull(peer.TCPConn, b); err != nil {
					return
				}
			}
		}()
		defer func() { ended.Store(true); peer.Close(); <-done }()
		if pid, err := os.FindProcess(p.pid); err == nil {
			pid.Kill()
		}
		began := time.Now()
		if p.daemon != nil && !delayed(program) {
			eventually(t, "the end of the session", func() bool { return strings.Contains(p.daemon.written(), "fatal") })
		}
		said := p.stderr()
		if took := time.Since(began); took < time.Second {
			t.Errorf("it gave up after %v", took)
		}
		if !line.MatchString(said) {
			t.Errorf("stderr %q", said)
		}
	})
}

// TestTunnelSleeps: a tunnel of its own that lives on in one of these states
// waits, and does not run. It is the table of TestNothingWatchesWhatIsOver for a
// process that polls.
func TestTunnelSleeps(t *testing.T) {
	needSight(t)
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, x *server, a *app, c *tls.Conn)
	}{
		{"nobody says anything", func(t *testing.T, x *server, a *app, c *tls.Conn) {}},
		{"prog has closed its input, the peer's is full", func(t *testing.T, x *server, a *app, c *tls.Conn) { a.close(a.rd) }},
		{"prog has closed its output", func(t *testing.T, x *server, a *app, c *tls.Conn) { a.close(a.wr) }},
		{"close_notify", func(t *testing.T, x *server, a *app, c *tls.Conn) { c.CloseWrite() }},
		{"close_notify and FIN", func(t *testing.T, x *server, a *app, c *tls.Conn) { c.CloseWrite(); x.peer.CloseWrite() }},
		{"FIN", func(t *testing.T, x *server, a *app, c *tls.Conn) { x.peer.CloseWrite() }},
		{"prog does not read", func(t *testing.T, x *server, a *app, c *tls.Conn) {
			x.peer.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			for {
				if _, err := c.Write(patternOf(100000)); err != nil {
					return
				}
			}
		}},
		{"prog does not read, and the peer is gone", func(t *testing.T, x *server, a *app, c *tls.Conn) {
			c.Write(patternOf(100000))
			c.CloseWrite()
			x.peer.CloseWrite()
			a.close(a.wr)
		}},
		{"prog does not read, a bad record", func(t *testing.T, x *server, a *app, c *tls.Conn) {
			c.Write(patternOf(100000))
			x.peer.TCPConn.Write([]byte(inRecord(23, strings.Repeat("x", 40))))
		}},
		{"the peer does not read", func(t *testing.T, x *server, a *app, c *tls.Conn) {
			a.send(step{Do: "pour", FD: a.wr, N: 64 << 20})
			before := -1
			eventually(t, "full sockets", func() bool {
				time.Sleep(50 * time.Millisecond)
				n := unread(t, x.peer)
				full := n > 0 && n == before
				before = n
				return full
			})
		}},
	} {
		for _, program := range servers {
			t.Run(strings.ReplaceAll(tt.name, " ", "_")+"/"+program, func(t *testing.T) {
				t.Parallel()
				x, a, c := talk(t, program, nil)
				pid := child(t, x.pid, "s6-tlsd-io")
				tt.do(t, x, a, c)
				sleeps(t, pid)
			})
		}
	}
}
