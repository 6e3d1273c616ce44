//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"testing"
)

const refused = "s6-ucspitlsd: fatal: unrecognized command on control socket"

func TestCommand_y_closesTheControlSocketAtOnce(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	a.write(a.ctl, "y")
	a.expectEnd(a.ctl, "") // though the peer has not even said hello
	c := handshake(t, x.peer)
	echo(t, a, c)
	a.close(a.wr)
	a.close(a.rd)
	c.Close()
	a.expectWait(0)
	a.exit(7)
	x.expect(7, "")
}

func TestCommand_Y_reportsAndCloses(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	a.write(a.ctl, "Y")
	c := handshake(t, x.peer, tls13)
	a.expectEnd(a.ctl, "SSL_PROTOCOL=TLSv1.3\x00SSL_CIPHER=TLS_AES_128_GCM_SHA256\x00SSL_TLS_SNI_SERVERNAME=localhost\x00\x00")
	echo(t, a, c)
	x.finish(a, c)
}

// echo sends a line each way.
func echo(t *testing.T, a *app, c *tls.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("from the peer\n")); err != nil {
		t.Fatal(err)
	}
	a.expectRead(a.rd, "from the peer\n")
	a.write(a.wr, "from prog\n")
	expectBytes(t, c, "from prog\n")
}

func expectBytes(t *testing.T, c *tls.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		m, err := c.Read(got[n:])
		n += m
		if err != nil && n < len(got) { // it may come with the last bytes
			t.Fatalf("the peer, after %q: %v", got[:n], err)
		}
	}
	if string(got) != want {
		t.Errorf("the peer got %q, want %q", got, want)
	}
}

func TestCommandRefused(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"X", "\x00", "\n", "xY", " y"} {
		t.Run(fmt.Sprintf("%q", command), func(t *testing.T) {
			t.Parallel()
			x := serve(t, "s6-ucspitlsd", nil)
			a := x.stage.app()
			a.write(a.ctl, command)
			a.expectEnd(a.ctl, "")
			a.expectWait(100)
			a.expectEnd(a.rd, "")
			a.expectFault(a.wr, "broken pipe")
			a.write(1, "still in the clear\n") // TLS was never asked for
			a.exit(0)
			if data, end := drain(x.peer); string(data) != "still in the clear\n" || end != "FIN" {
				t.Errorf("the peer got %q, %s", data, end)
			}
			x.expect(0, refused)
		})
	}
}

func TestCommandDeclined(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		steps func(a *app) []step
	}{
		{"control socket closed", func(a *app) []step { return []step{{Do: "close", FD: a.ctl}} }},
		{"SHUT_WR", func(a *app) []step { return []step{{Do: "shutdown", FD: a.ctl}} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, v := range []struct{ flag, line string }{{"-v1", ""}, {"-v2", "s6-ucspitlsd: info: pid %d declined opportunistic TLS"}} {
				x := serve(t, "s6-ucspitlsd", []string{v.flag})
				a := x.stage.app()
				a.play(c.steps(a)...)
				a.expectWait(0)
				a.expectEnd(a.rd, "")
				a.expectFault(a.wr, "broken pipe")
				a.write(1, "cleartext\n")
				a.exit(0)
				if data, _ := drain(x.peer); string(data) != "cleartext\n" {
					t.Errorf("the peer got %q", data)
				}
				if v.line != "" {
					v.line = fmt.Sprintf(v.line, x.pid)
				}
				x.expect(0, v.line)
			}
		})
	}
}

func TestAppEndsBeforeTheCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		do   string
		code int
	}{{"exit", 5}, {"kill", 128 + 9}} {
		t.Run(c.do, func(t *testing.T) {
			t.Parallel()
			x := serve(t, "s6-ucspitlsd", []string{"-v2"})
			a := x.stage.app()
			a.send(step{Do: c.do, N: 5})
			x.expect(c.code, fmt.Sprintf("s6-ucspitlsd: info: pid %d declined opportunistic TLS", x.pid))
			if data, end := drain(x.peer); len(data) > 0 || end != "FIN" {
				t.Errorf("the peer got %q, %s", data, end)
			}
		})
	}
}

// A prog that dies after the command leaves what it wrote: it is delivered.
func TestAppEndsAfterTheCommand(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"y", "Y"} {
		for _, c := range []struct {
			do   string
			code int
		}{{"exit", 5}, {"kill", 128 + 9}} {
			t.Run(command+" "+c.do, func(t *testing.T) {
				t.Parallel()
				x := serve(t, "s6-ucspitlsd", nil)
				a := x.stage.app()
				a.send(write(a.ctl, command), write(a.wr, "last words"), step{Do: c.do, N: 5})
				if code := x.code(); code != c.code {
					t.Errorf("prog ended with %d", code)
				}
				conn := handshake(t, x.peer)
				expectPeer(t, conn, "last words", false)
				conn.Close()
				expectLine(t, x.stderr(), "")
			})
		}
	}
}

func TestExtraBytesAfterTheCommand(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"Yy", "YYYYYYYY", "yY"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			x := serve(t, "s6-ucspitlsd", nil)
			a := x.stage.app()
			a.write(a.ctl, command)
			c := handshake(t, x.peer, tls13)
			blob := a.readAll(a.ctl) // fails on ECONNRESET
			if (blob != "") != (command[0] == 'Y') {
				t.Errorf("blob %q", blob)
			}
			echo(t, a, c)
			x.finish(a, c)
		})
	}
}

// Bytes that come later than the command meet a closed door or are swallowed;
// the EOF stays clean.
func TestMoreBytesWhileTheBlobIsAwaited(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", []string{"-v2"})
	a := x.stage.app()
	a.write(a.ctl, "Y")
	child(t, x.pid, "s6-tlsd-io")
	a.play(write(a.ctl, "more"))
	c := handshake(t, x.peer)
	if a.readAll(a.ctl) == "" {
		t.Error("no blob")
	}
	a.exit(0)
	c.Close()
	x.code()
}

func TestShutdownAfterTheCommand(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"Y", "y"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			x := serve(t, "s6-ucspitlsd", nil)
			a := x.stage.app()
			a.play(write(a.ctl, command), step{Do: "shutdown", FD: a.ctl})
			c := handshake(t, x.peer)
			if blob := a.readAll(a.ctl); (blob != "") != (command == "Y") {
				t.Errorf("blob %q", blob)
			}
			echo(t, a, c)
			x.finish(a, c)
		})
	}
}
