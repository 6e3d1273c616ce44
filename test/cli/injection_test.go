//go:build linux

package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
)

// STARTTLS injection: what a client sends in cleartext behind the command must
// never reach the program as if it had come through TLS. What still waits in
// the network ends the session; what the program has read is the program's to drop.

const cleartext = "cleartext was sent after the STARTTLS command"

func TestCleartextAfterTheCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, sent string }{
		{"a command", "RSET\r\n"},
		{"one byte", "\n"},
		{"an alert", "\x15\x03\x03\x00\x02\x02\x28"},
		{"application data", "\x17\x03\x03\x00\x05hello"},
		{"SSLv2", "\x80\x2e\x01\x00\x02"},
		{"half a header, then a command", "\x16RSET\r\n"},
		{"much", strings.Repeat("NOOP\r\n", 20000)},
	} {
		for _, command := range []string{"Y", "y"} {
			t.Run(c.name+" "+command, func(t *testing.T) {
				t.Parallel()
				x := serve(t, "s6-ucspitlsd", nil, "TCPREMOTEIP=192.0.2.1")
				a := x.stage.app()
				a.write(a.ctl, command)
				x.peer.Write([]byte(c.sent))
				x.peer.CloseWrite()
				// Neither an alert, which it would not understand, nor a reset.
				if data, end := drain(x.peer); len(data) > 0 || end != "FIN" {
					t.Errorf("the peer got %q, %s", data, end)
				}
				a.expectEnd(a.ctl, "")
				a.expectEnd(a.rd, "")
				a.expectWait(98)
				a.expectFault(a.wr, "broken pipe")
				a.expectFault(1, "broken pipe")
				a.exit(0)
				x.expect(0, "s6-tlsd-io: fatal: "+cleartext+", peer 192.0.2.1")
			})
		}
	}
}

// The attack itself: the command waits already, and a ClientHello of the
// victim stands behind it.
func TestInjectedBeforeTheClientHello(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, sent := range []string{"RSET\r\n", "\r\n", "MAIL FROM:<mallory@example.org>\r\n"} {
			x := serve(t, "s6-ucspitlsd", nil)
			a := x.stage.app()
			x.peer.Write([]byte("STARTTLS\r\n"))
			a.expectRead(0, "STARTTLS\r\n")
			x.peer.Write([]byte(sent))
			victim := make(chan error, 1)
			go func() { victim <- client(t, x.peer, v.tweak).Handshake() }()
			a.write(a.ctl, "Y")
			if err := <-victim; err != io.EOF {
				t.Errorf("the victim: %v", err)
			}
			a.expectEnd(a.ctl, "")
			a.expectEnd(a.rd, "")
			a.exit(0)
			x.peer.Close()
			x.expect(0, "s6-tlsd-io: fatal: "+cleartext)
		}
	}
}

// A ClientHello that waits is no fault, in whatever pieces: a client may go on
// as soon as it has read the answer to its command.
func TestWaitingClientHello(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, size := range []int{1 << 20, 1} {
			x := serve(t, "s6-ucspitlsd", nil)
			a := x.stage.app()
			conn := &pieces{x.peer, size, make(chan bool, 10)}
			c := client(t, conn, v.tweak)
			done := make(chan error, 1)
			go func() { done <- c.Handshake() }()
			if size > 1 {
				<-conn.wrote
			}
			a.write(a.ctl, "Y")
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			echo(t, a, c)
			x.finish(a, c)
		}
	}
}

// pieces sends so much at a time, and tells when it has written all of something.
type pieces struct {
	net.Conn
	size  int
	wrote chan bool
}

func (c *pieces) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = c.Conn.Write(p[n:min(n+c.size, len(p))])
		n += m
	}
	c.wrote <- true
	return n, err
}

// Without a command before it, cleartext is a peer that does not speak TLS: from
// the immediate tool, also inside of another UCSPI-TLS chain, and from an -io
// that was started by hand. A client's server has given its answer in cleartext
// and gets the same words.
func TestCleartextWithoutACommand(t *testing.T) {
	t.Parallel()
	const words = "fatal: handshake failed: the peer does not speak TLS"
	x := serve(t, "s6-tlsd", nil, "SSLCTLFD=7", "SSLREADFD=8", "SSLWRITEFD=9")
	x.peer.Write([]byte("RSET\r\n"))
	x.peer.CloseWrite()
	x.expect(98, "s6-tlsd-io: "+words)

	env, _ := material(t)
	peer, sock := network(t)
	in, _ := pipe(t)
	_, out := pipe(t)
	p := start(t, spec{program: "s6-tlsd-io", args: []string{"6", "7"}, env: env, files: map[int]*os.File{0: sock, 1: dup(t, sock), 6: in, 7: out}})
	peer.Write([]byte("RSET\r\n"))
	peer.CloseWrite()
	p.expect(98, "s6-tlsd-io: "+words)

	for _, program := range clients {
		d := dial(t, program, []string{"-k", pki.Host})
		if d.wait {
			a := d.app()
			a.write(a.ctl, "y")
			d.peer.Write([]byte("250 and more\r\n"))
			a.expectWait(98)
			a.exit(0)
			d.peer.Close()
			d.expect(0, "s6-tlsc-io: "+words)
			continue
		}
		d.peer.Write([]byte("250 and more\r\n"))
		d.peer.CloseWrite()
		d.expect(98, "s6-tlsc-io: "+words)
	}
}

// mailfront drops what it has read behind STARTTLS: of the commands that came in
// the same packet none is answered, neither before TLS nor under it, and none
// has an effect.
func TestMailfrontDropsWhatItHasRead(t *testing.T) {
	t.Parallel()
	m := serveMail(t, "-S")
	conn, say := smtp(t, m)
	say("EHLO mallory", "250")
	say("STARTTLS\r\nRSET\r\nMAIL FROM:<mallory@example.org>\r\nRCPT TO:<victim@example.org>", "220")
	c := client(t, conn)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	answer := func(question string) string {
		if question != "" {
			fmt.Fprintf(c, "%s\r\n", question)
		}
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%q: %v", question, err)
		}
		return line
	}
	first := answer("VRFY first")
	if strings.Contains(first, "Unexpected pipelined commands") { // its own word about them
		first = answer("")
	}
	if !strings.HasPrefix(first, "252") { // and not the answer to one of them
		t.Errorf("VRFY was answered with %q", first)
	}
	if line := answer("DATA"); !strings.HasPrefix(line, "503") { // there is no sender
		t.Errorf("DATA was answered with %q", line)
	}
	if line := answer("QUIT"); !strings.HasPrefix(line, "221") {
		t.Errorf("QUIT was answered with %q", line)
	}
	c.Close()
	if log := m.stderr(); strings.Contains(log, "fatal") || strings.Contains(log, "mallory@") {
		t.Errorf("the server said:\n%s", log)
	}
}

// What reaches the server later, and so is not read by the program, ends the session.
func TestMailfrontAndCleartextInTheNetwork(t *testing.T) {
	t.Parallel()
	m := serveMail(t, "-S")
	conn, say := smtp(t, m)
	say("EHLO mallory", "250")
	say("STARTTLS", "220")
	fmt.Fprintf(conn, "RSET\r\n")
	if err := client(t, conn).Handshake(); err != io.EOF {
		t.Errorf("the victim: %v", err)
	}
	conn.Close()
	if log := m.stderr(); !strings.Contains(log, "s6-tlsd-io: fatal: "+cleartext+", peer 127.0.0.1\n") || strings.Contains(log, "RSET") {
		t.Errorf("the server said:\n%s", log)
	}
}

// smtp connects to a mail server. say sends lines and wants one answer with a code.
func smtp(t *testing.T, m *mailServer) (conn net.Conn, say func(lines, code string)) {
	t.Helper()
	conn, err := net.Dial("tcp4", net.JoinHostPort(m.host, m.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	hear := func(code string) {
		t.Helper()
		// A byte at a time: what is behind it is for TLS.
		line := make([]byte, 0, 100)
		for {
			var b [1]byte
			if _, err := io.ReadFull(conn, b[:]); err != nil {
				t.Fatal(err)
			}
			if line = append(line, b[0]); b[0] != '\n' {
				continue
			}
			if !bytes.HasPrefix(line, []byte(code)) {
				t.Fatalf("%q instead of %s", line, code)
			}
			if line[3] == ' ' {
				return
			}
			line = line[:0]
		}
	}
	hear("220")
	return conn, func(lines, code string) {
		t.Helper()
		if _, err := io.WriteString(conn, lines+"\r\n"); err != nil {
			t.Fatal(err)
		}
		hear(code)
	}
}
