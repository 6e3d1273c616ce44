//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Sessions that break: what prog, the peer and the parent see.

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
		a.expectWait(128 + 9) // its ends don't all close at the same moment
		a.expectEnd(a.rd, "")
		a.expectFault(a.wr, "broken pipe")
		a.exit(4)
		x.expect(4, "")
	})
}

// A tunnel that is ended by a signal takes the connection with it: in delayed
// mode prog holds it too, and must not go on in the clear.
func TestTunnelIsTerminated(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			x, a, _ := talk(t, "s6-ucspitlsd", nil, tls13)
			if err := syscall.Kill(child(t, x.pid, "s6-tlsd-io"), signal); err != nil {
				t.Fatal(err)
			}
			a.expectWait(128 + int(signal))
			if _, end := drain(x.peer); end != "FIN" {
				t.Errorf("the peer got %s", end)
			}
			a.expectFault(1, "broken pipe")
			a.exit(0)
			x.expect(0, "")
		})
	}
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
