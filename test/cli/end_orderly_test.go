//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// How a session ends, row by row, through both tools, with prog as the
// parent that learns the tunnel's exit code.

func TestProgClosesItsWriteEnd(t *testing.T) {
	for _, flag := range []string{"-s", "-S"} {
		t.Run(flag, func(t *testing.T) {
			eachServer(t, func(t *testing.T, program string, version tweak) {
				x, a, c := talk(t, program, []string{flag}, version)
				a.play(write(a.wr, "the answer"), step{Do: "close", FD: a.wr})
				expectPeer(t, c, "the answer", flag == "-S")
				if flag == "-S" { // a FIN stands behind the close_notify
					if _, end := drain(x.peer); end != "FIN" {
						t.Errorf("after close_notify: %s", end)
					}
				}
				// The other direction goes on.
				c.Write([]byte("more from the peer"))
				a.expectRead(a.rd, "more from the peer")
				c.CloseWrite()
				a.expectEnd(a.rd, "")
				x.peer.Close()
				a.expectWait(0)
				a.exit(0)
				x.expect(0, "")
			})
		})
	}
}

func TestPeerSendsCloseNotify(t *testing.T) {
	for _, flag := range []string{"-sj", "-SJ", "-sJ"} {
		t.Run(flag, func(t *testing.T) {
			eachServer(t, func(t *testing.T, program string, version tweak) {
				x, a, c := talk(t, program, []string{flag}, version)
				c.Write([]byte("question"))
				c.CloseWrite()
				a.expectEnd(a.rd, "question")
				a.play(write(a.wr, "reply"), step{Do: "close", FD: a.wr})
				expectPeer(t, c, "reply", flag[1] == 'S')
				x.peer.Close()
				a.expectWait(0)
				a.exit(0)
				x.expect(0, "")
			})
		})
	}
}

func TestPeerSendsBareFIN(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, []string{"-j"}, version)
		question := string(patternOf(40000))
		c.Write([]byte(question))
		x.peer.CloseWrite()
		a.expectEnd(a.rd, question)
		a.play(write(a.wr, "reply"), step{Do: "close", FD: a.wr})
		expectPeer(t, c, "reply", false)
		x.peer.Close()
		a.expectWait(0)
		a.exit(0)
		x.expect(0, "")
	})
}

const noCloseNotify = "s6-tlsd-io: fatal: remote closed connection without a close_notify"

func TestPeerSendsBareFINUnderEnforcement(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, []string{"-J"}, version)
		question := string(patternOf(40000))
		c.Write([]byte(question))
		x.peer.CloseWrite()
		a.expectEnd(a.rd, question) // what was decrypted, then EOF
		a.expectWait(98)
		a.exit(0)
		x.expect(0, noCloseNotify)
	})
}

func TestProgClosesOnlyItsReadEnd(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, nil, version)
		a.close(a.rd)
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write(patternOf(1 << 20)) // nobody reads it, and it must not stop us
			sent <- err
		}()
		for i := range 5 {
			line := fmt.Sprintf("line %d\n", i)
			a.write(a.wr, line)
			expectBytes(t, c, line)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		a.close(a.wr)
		expectPeer(t, c, "", false)
		c.Close()
		a.expectWait(0)
		a.exit(0)
		x.expect(0, "")
	})
}

// The peer never closes: the tunnel waits a moment and goes.
func TestPeerNeverCloses(t *testing.T) {
	for _, flag := range []string{"-s", "-S"} {
		t.Run(flag, func(t *testing.T) {
			eachServer(t, func(t *testing.T, program string, version tweak) {
				x, a, c := talk(t, program, []string{flag}, version)
				began := time.Now()
				a.play(write(a.wr, "bye"), step{Do: "close", FD: a.wr}, step{Do: "close", FD: a.rd})
				a.expectWait(0)
				waited := !overIOD || a.ctl >= 0 // by somebody, for the tunnel
				if took := time.Since(began); waited && (took < 1500*time.Millisecond || took > 10*time.Second) {
					t.Errorf("it took %v, want 2 s", took)
				}
				expectPeer(t, c, "bye", flag == "-S")
				a.exit(0)
				x.expect(0, "")
			})
		})
	}
}

// A peer that stops reading: after 30 s without an acknowledgement the tunnel
// gives up, and says how much was not taken.
func TestPeerStopsReading(t *testing.T) {
	chainOnly(t, "prog's end is not the tunnel's")
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 30 s")
	}
	x, a, _ := talk(t, "s6-tlsd", nil)
	a.send(step{Do: "pour", FD: a.wr, N: 64 << 20}, step{Do: "exit"})
	// It fills what the sockets hold and stays there; then the app is killed,
	// as an impatient supervisor would.
	eventually(t, "full sockets", func() bool { return windowIsShut(t, x.peer) })
	began := time.Now()
	p, err := os.FindProcess(x.pid)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	select {
	case <-x.silent:
	case <-time.After(60 * time.Second):
		t.Fatal("the tunnel is still there after 60 s")
	}
	if took := time.Since(began); took < 29*time.Second {
		t.Errorf("it gave up after %v", took)
	}
	if out := x.written(); !regexp.MustCompile(`^s6-tlsd-io: fatal: the peer did not take everything: [1-9]\d* bytes not acknowledged\n$`).MatchString(out) {
		t.Errorf("stderr %q", out)
	}
}

// windowIsShut reports whether the other end has data for c that c has no room
// for: its timer is the one for a window of zero (proc_net_tcp.txt: 4).
func windowIsShut(t *testing.T, c *tap) bool {
	t.Helper()
	data, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	port := func(a net.Addr) string { return fmt.Sprintf(":%04X", a.(*net.TCPAddr).Port) }
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Fields(line) // number, local, remote, state, queues, timer
		if len(f) > 5 && strings.HasSuffix(f[1], port(c.RemoteAddr())) && strings.HasSuffix(f[2], port(c.LocalAddr())) {
			return strings.HasPrefix(f[5], "04:")
		}
	}
	t.Fatal("no such connection in /proc/net/tcp")
	return false
}

// OpenSSL answers a FIN without close_notify with decode_error. It has had
// everything, so that is no failure.
func TestStrictPeer(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, []string{"-s", "-v2"}, version)
		a.play(write(a.wr, "all of it"), step{Do: "close", FD: a.wr})
		expectBytes(t, c, "all of it")
		if n, err := x.peer.TCPConn.Read(make([]byte, 1)); err != io.EOF { // which the TLS client does not see
			t.Fatalf("%d bytes, %v behind prog's last one", n, err)
		}
		x.peer.Write(sealedAlert(t, c))
		a.expectEnd(a.rd, "")
		x.peer.Close()
		a.expectWait(0)
		a.exit(0)
		if out := x.stderr(); !strings.Contains(out, "ended normally (the peer wanted a close_notify: see -S)\n") || strings.Contains(out, "fatal") {
			t.Errorf("stderr %q", out)
		}
	})
}

// sealedAlert makes the client seal an alert: it is given a plaintext record,
// which it must refuse with one, and what it writes is caught.
func sealedAlert(t *testing.T, c *tls.Conn) []byte {
	t.Helper()
	wire := c.NetConn().(*tap)
	var caught []byte
	wire.tamper(func(_ int, record []byte) ([]byte, bool) {
		caught = append(caught, record...)
		return nil, false
	})
	wire.feed("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32))
	if _, err := c.Read(make([]byte, 1)); err == nil || len(caught) == 0 {
		t.Fatalf("no alert was made: %v", err)
	}
	wire.tamper(nil)
	return caught
}

func TestIdleTimeout(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		base, _ := material(t)
		x := serveWith(t, spec{program: program, env: append(base, "TLS_IDLE_TIMEOUT=400")})
		a, c := x.talk(t, program, version)
		a.expectEnd(a.rd, "")
		expectPeer(t, c, "", false)
		c.Close()
		a.expectWait(98)
		a.exit(0)
		x.expect(0, "s6-tlsd-io: fatal: idle for 400 ms (TLS_IDLE_TIMEOUT)")
	})
}

// At -v2 there is one line at the end.
func TestSummary(t *testing.T) {
	t.Parallel()
	x, a, c := talk(t, "s6-ucspitlsd", []string{"-v2"}, tls13)
	echo(t, a, c)
	a.exit(0)
	expectPeer(t, c, "", false)
	c.Close()
	lines := strings.Split(strings.TrimSuffix(x.stderr(), "\n"), "\n")
	if len(lines) != 2 || lines[0] != fmt.Sprintf("s6-ucspitlsd: info: pid %d accepted opportunistic TLS", x.pid) {
		t.Fatalf("stderr %q", lines)
	}
	for _, part := range []string{"s6-tlsd-io: info: TLSv1.3 TLS_AES_128_GCM_SHA256", ", server name localhost", ", not resumed",
		", 10 bytes from prog, 14 bytes to prog, ", ", ended normally"} {
		if !strings.Contains(lines[1], part) {
			t.Errorf("%q lacks %q", lines[1], part)
		}
	}
}
