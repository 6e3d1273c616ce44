//go:build linux

package cli

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
)

// From cleartext to TLS, as prog and its peer live through it.

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
	x.finish(a, c)
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
		x.finish(a, c)
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
	x.finish(a, c)
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
	x.finish(a, c)
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
		x.expect(0, "s6-tlsd-io: fatal: "+cleartext)
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

	x = serve(t, "s6-ucspitlsd", []string{"-K", "3000"})
	a = x.stage.app()
	time.Sleep(3200 * time.Millisecond) // a clock that started with the tool would be over
	a.write(a.ctl, "Y")
	c := handshake(t, x.peer)
	echo(t, a, c)
	x.finish(a, c)
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
