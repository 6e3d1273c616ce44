//go:build linux

package clitest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
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
	a.exit(0)
	c.Close()
	x.expect(0, "")
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
			a.exit(0)
			c.Close()
			x.expect(0, "")
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
			a.exit(0)
			c.Close()
			x.expect(0, "")
		})
	}
}

func TestControlSocketClosedBeforeTheBlob(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	a.play(write(a.ctl, "Y"), step{Do: "close", FD: a.ctl})
	c := handshake(t, x.peer)
	echo(t, a, c)
	a.close(a.wr)
	expectPeer(t, c, "", false)
	c.Close()
	a.expectEnd(a.rd, "")
	a.expectWait(0)
	a.exit(0)
	x.expect(0, "")
}

func TestBlobNeverRead(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	a.write(a.ctl, "Y")
	c := handshake(t, x.peer)
	echo(t, a, c)
	go func() { c.Write(patternOf(1 << 20)); c.CloseWrite() }()
	if r := a.must(step{Do: "drink", FD: a.rd}); r.N != 1<<20 {
		t.Errorf("%d bytes came", r.N)
	}
	a.exit(0)
	c.Close()
	x.expect(0, "")
}

// A blob that no socket buffer holds: a client chose it.
func TestHugeBlobNeverRead(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	cert := p.Issue(pki.Spec{Issuer: p.Intermediate, Name: "huge", Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, Edit: subjectOf(1450)})
	for _, reads := range []bool{false, true} {
		x := serve(t, "s6-ucspitlsd", []string{"-y"})
		a := x.stage.app()
		a.write(a.ctl, "Y")
		c := handshake(t, x.peer, withCert(cert))
		echo(t, a, c)
		if reads {
			want := 1450*len("OU=") + 1450*150 + 1449*len(" + ") + len("/C=XX/O=Test//CN=huge")
			if n := len(after(a.readAll(a.ctl), "SSL_PEER_CERT_SUBJECT=")); n != want {
				t.Errorf("a subject of %d bytes, want %d", n, want)
			}
			echo(t, a, c)
		}
		a.exit(0)
		c.Close()
		x.expect(0, "")
	}
}

// after gives what stands between a word and the next NUL.
func after(blob, word string) string {
	_, rest, _ := strings.Cut(blob, word)
	value, _, _ := strings.Cut(rest, "\x00")
	return value
}

func TestWrittenBeforeTheHandshakeIsDelivered(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	a.play(write(a.wr, "early, "), write(a.ctl, "y"), write(a.wr, "later"))
	c := handshake(t, x.peer)
	expectBytes(t, c, "early, later")
	a.exit(0)
	c.Close()
	x.expect(0, "")
}

// Cleartext before the command is prog's alone: the waiting process reads none of it.
func TestCleartextBeforeTheCommand(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	x.peer.Write([]byte("EHLO there\r\n"))
	a.expectRead(0, "EHLO there\r\n")
	a.write(1, "250 STARTTLS\r\n")
	x.peer.Write([]byte("STARTTLS\r\n"))
	a.expectRead(0, "STARTTLS\r\n")
	a.write(1, "220 go\r\n")
	buf := make([]byte, len("250 STARTTLS\r\n220 go\r\n"))
	if _, err := readFull(x.peer, buf); err != nil || string(buf) != "250 STARTTLS\r\n220 go\r\n" {
		t.Fatalf("%q, %v", buf, err)
	}
	a.write(a.ctl, "Y")
	c := handshake(t, x.peer)
	echo(t, a, c)
	a.exit(0)
	c.Close()
	x.expect(0, "")
}

func TestHandshakeFailureAsProgSeesIt(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"Y", "y"} {
		x := serve(t, "s6-ucspitlsd", nil)
		a := x.stage.app()
		a.write(a.ctl, command)
		x.peer.Write([]byte("EHLO I know no TLS\r\n"))
		x.peer.CloseWrite()
		a.expectEnd(a.ctl, "")
		a.expectEnd(a.rd, "")
		a.expectWait(98)
		a.expectFault(a.wr, "broken pipe")
		a.expectFault(1, "broken pipe") // the network is shut for it too
		a.exit(0)
		x.expect(0, "s6-tlsd-io: fatal: handshake failed: the peer does not speak TLS")
	}
}

// The clock of -K starts with the command: a prog may talk cleartext as long
// as it likes, and then the peer has its time.
func TestTimeoutCountsFromTheCommand(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", []string{"-K", "700"})
	a := x.stage.app()
	time.Sleep(900 * time.Millisecond) // longer than -K
	began := time.Now()
	a.write(a.ctl, "Y")
	a.expectEnd(a.ctl, "") // the peer stays silent
	a.expectWait(98)
	if took := time.Since(began); took < 650*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	a.exit(0)
	x.expect(0, "s6-tlsd-io: fatal: handshake timed out")

	x = serve(t, "s6-ucspitlsd", []string{"-K", "5000"})
	a = x.stage.app()
	time.Sleep(100 * time.Millisecond)
	a.write(a.ctl, "Y")
	c := handshake(t, x.peer)
	echo(t, a, c)
	a.exit(0)
	c.Close()
	x.expect(0, "")
}

// What each version of mailfront, netqmail and the proxies do with their
// descriptors after the command.
func TestApplicationsMoveTheirDescriptors(t *testing.T) {
	t.Parallel()
	x := serve(t, "s6-ucspitlsd", nil)
	a := x.stage.app()
	a.play(step{Do: "close", FD: 0}, write(a.ctl, "y"),
		step{Do: "dup2", FD: a.rd, N: 0}, step{Do: "dup2", FD: a.wr, N: 1})
	c := handshake(t, x.peer)
	c.Write([]byte("MAIL\r\n"))
	a.expectRead(0, "MAIL\r\n")
	a.write(1, "250\r\n")
	expectBytes(t, c, "250\r\n")
	a.exit(0) // the pipes' originals and the control socket were still open
	expectPeer(t, c, "", false)
	c.Close()
	x.expect(0, "")
}

func readFull(c *tap, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = c.Read(p[n:])
		n += m
	}
	return n, err
}
