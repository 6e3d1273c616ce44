//go:build linux

package clitest

import (
	"crypto/tls"
	"fmt"
	"io"
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

func TestStreamEndsInsideARecord(t *testing.T) {
	for _, flag := range []string{"-j", "-J"} {
		t.Run(flag, func(t *testing.T) {
			eachServer(t, func(t *testing.T, program string, version tweak) {
				x, a, c := talk(t, program, []string{flag}, version)
				c.Write([]byte("complete"))
				x.peer.tamper(cutRecord)
				c.Write([]byte("this is cut"))
				a.expectEnd(a.rd, "complete")
				a.expectWait(98)
				if _, err := c.Read(make([]byte, 1)); alertOf(err) != "" {
					t.Errorf("the peer got %v, and no alert is owed", err)
				}
				a.exit(0)
				x.expect(0, "s6-tlsd-io: fatal: the connection ended inside a record")
			})
		})
	}
}

// Each of these is answered with a fatal alert that reaches the peer, also
// when that has sent much more by then.
func TestBadRecords(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(x *server, c *tls.Conn)
		alert  string
		reason string
	}{
		{"bad MAC", func(x *server, c *tls.Conn) {
			x.peer.tamper(flipByte)
			c.Write([]byte("damaged"))
		}, "bad_record_mac", "the peer sent a bad record"},
		{"bad MAC and much more", func(x *server, c *tls.Conn) {
			x.peer.tamper(flipByte)
			c.Write(patternOf(100 << 10))
		}, "bad_record_mac", "the peer sent a bad record"},
		{"record overflow", func(x *server, c *tls.Conn) {
			x.peer.TCPConn.Write([]byte("\x17\x03\x03\xff\xff"))
			x.peer.TCPConn.Write(make([]byte, 65535))
		}, "record_overflow", "the peer sent a bad record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, program string, version tweak) {
				x, a, conn := talk(t, program, nil, version)
				conn.Write([]byte("good"))
				a.expectRead(a.rd, "good")
				c.do(x, conn)
				a.expectEnd(a.rd, "")
				_, err := conn.Read(make([]byte, 1))
				if alert := alertOf(err); alert != c.alert {
					t.Errorf("the peer got %v, want the alert %s", err, c.alert)
				}
				x.peer.Close()
				a.expectWait(98)
				a.exit(0)
				x.expect(0, "s6-tlsd-io: fatal: "+c.reason+" (sent alert "+c.alert+")")
			})
		})
	}
}

func TestPlaintextAfterTheHandshake(t *testing.T) {
	for _, text := range []string{"QUIT\r\n", strings.Repeat("GET / HTTP/1.0\r\n", 2000)} {
		t.Run(fmt.Sprint(len(text)), func(t *testing.T) {
			eachServer(t, func(t *testing.T, program string, version tweak) {
				x, a, c := talk(t, program, nil, version)
				x.peer.TCPConn.Write([]byte(text))
				a.expectEnd(a.rd, "")
				_, err := c.Read(make([]byte, 1))
				alert := alertOf(err)
				if alert == "" {
					t.Errorf("the peer got %v, want an alert", err)
				}
				x.peer.Close()
				a.expectWait(98)
				a.exit(0)
				x.expect(0, "s6-tlsd-io: fatal: the peer sent a bad record (sent alert "+alert+")")
			})
		})
	}
}

// A fatal alert in the clear can't be forged after the handshake, so the peer
// makes a real one: its own reading meets a record that we never sent.
func TestPeerSendsAFatalAlert(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, nil, version)
		x.peer.mu.Lock()
		x.peer.corrupt = true
		x.peer.mu.Unlock()
		a.write(a.wr, "this arrives damaged")
		if _, err := c.Read(make([]byte, 100)); err == nil {
			t.Error("the peer took a damaged record")
		}
		a.expectEnd(a.rd, "")
		a.expectWait(98)
		a.exit(0)
		x.expect(0, "s6-tlsd-io: fatal: the peer ended the session (peer sent alert bad_record_mac)")
	})
}

func TestPeerResets(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, _ := talk(t, program, nil, version)
		reset(x.peer)
		a.expectEnd(a.rd, "")
		a.expectWait(98)
		a.expectFault(a.wr, "broken pipe")
		a.exit(0)
		x.expect(0, "s6-tlsd-io: fatal: connection lost: connection reset by peer")
	})
}

// A reset while prog writes as much as it can.
func TestPeerResetsUnderLoad(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, nil, version)
		a.send(step{Do: "pour", FD: a.wr, N: 64 << 20})
		c.Read(make([]byte, 1000))
		reset(x.peer)
		if r := a.results()[0]; r.Err != "broken pipe" {
			t.Errorf("pour: %+v", r)
		}
		a.expectWait(98)
		a.exit(0)
		if out := x.stderr(); out != "s6-tlsd-io: fatal: connection lost: connection reset by peer\n" && out != "s6-tlsd-io: fatal: connection lost: broken pipe\n" {
			t.Errorf("stderr %q", out)
		}
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
				if took := time.Since(began); took < 1500*time.Millisecond || took > 10*time.Second {
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
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 30 s")
	}
	x, a, _ := talk(t, "s6-tlsd", nil)
	a.send(step{Do: "pour", FD: a.wr, N: 64 << 20}, step{Do: "exit"})
	// It fills what the sockets hold and stays there; then the app is killed,
	// as an impatient supervisor would.
	eventually(t, "full sockets", func() bool {
		n := unread(t, x.peer)
		time.Sleep(50 * time.Millisecond)
		return n > 0 && unread(t, x.peer) == n
	})
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

// When the tunnel has ended prog can't go on in the clear, though it still
// holds the network.
func TestNoCleartextAfterTheTunnel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(x *server, a *app, c *tls.Conn)
		code int
	}{
		{"normal end", func(x *server, a *app, c *tls.Conn) {
			c.CloseWrite()
			a.play(step{Do: "close", FD: a.wr}, step{Do: "close", FD: a.rd})
		}, 0},
		{"bad record", func(x *server, a *app, c *tls.Conn) {
			x.peer.tamper(flipByte)
			c.Write([]byte("x"))
		}, 98},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x, a, conn := talk(t, "s6-ucspitlsd", []string{"-v0"})
			c.end(x, a, conn)
			a.expectWait(c.code)
			a.expectFault(1, "broken pipe")
			if r := a.play(step{Do: "read", FD: 0, N: 100})[0]; r.N != 0 {
				t.Errorf("prog read %q", r.Data)
			}
			for {
				if _, err := conn.Read(make([]byte, 100)); err != nil {
					break
				}
			}
			if rest, _ := drain(x.peer); strings.Contains(string(rest), "x") {
				t.Errorf("the peer got %q in the clear", rest)
			}
			a.exit(0)
			x.expect(0, "")
		})
	}
}

// A tunnel that is killed says nothing: prog sees EOF and EPIPE.
func TestTunnelIsKilled(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, _ := talk(t, program, nil, version)
		p, err := os.FindProcess(child(t, x.pid, "s6-tlsd-io"))
		if err != nil {
			t.Fatal(err)
		}
		p.Kill()
		a.expectEnd(a.rd, "")
		a.expectFault(a.wr, "broken pipe")
		a.expectWait(128 + 9)
		a.exit(4)
		x.expect(4, "")
	})
}

// Before the handshake is over an immediate wrapper takes the signal for its code.
func TestTunnelIsKilledBeforeTheHandshake(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-tlsd", nil)
	p, err := os.FindProcess(child(t, x.pid, "s6-tlsd-io"))
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	x.expect(128+9, "")
	if x.stage.started() {
		t.Error("prog was started")
	}
}

func TestIdleTimeout(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		base, _ := material(t)
		x := serveWith(t, spec{program: program, env: append(base, "TLS_IDLE_TIMEOUT=400")})
		var a *app
		if delayed(program) {
			a = x.stage.app()
			a.write(a.ctl, "y")
		}
		c := handshake(t, x.peer, version)
		if a == nil {
			a = x.stage.app()
		}
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
