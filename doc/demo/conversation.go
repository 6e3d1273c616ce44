package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
)

// letterText is what is to arrive, and must not be seen on the wire.
var letterText = []string{"Subject: the demo", "", "The password of the day is swordfish."}

// A conversation is the client's side, and the eye on everything.
type conversation struct {
	*page
	server *server
	tap    *tap
	tls    *tls.Conn
	in     *bufio.Reader
	out    io.Writer
}

// hear reads a reply, all its lines, and wants it to begin with code.
func (c *conversation) hear(code string) error {
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("waiting for the reply %s: %w", code, err)
		}
		line = strings.TrimRight(line, "\r\n")
		c.spoken("S", line)
		if !strings.HasPrefix(line, code) {
			return fmt.Errorf("the reply is %q, not %s", line, code)
		}
		if !strings.HasPrefix(line, code+"-") {
			return nil
		}
	}
}

func (c *conversation) say(lines ...string) error {
	for _, line := range lines {
		c.spoken("C", line)
	}
	_, err := io.WriteString(c.out, strings.Join(lines, "\r\n")+"\r\n")
	return err
}

func (c *conversation) start() error {
	e, err := c.server.next("start")
	if err != nil {
		return err
	}
	if e.N != c.server.command.Process.Pid {
		return fmt.Errorf("the mail program has pid %d, s6-ucspitlsd was started as %d", e.N, c.server.command.Process.Pid)
	}
	if e.Text != "" {
		return errors.New("KEYFILE is in the mail program's environment")
	}
	c.note("run", "s6-ucspitlsd -S -v 2 mail-program, on "+c.server.client.RemoteAddr().String())
	c.note("pid", fmt.Sprintf("%d: it was s6-ucspitlsd, it is the mail program now", e.N))
	c.note("env", "CERTFILE, KEYFILE: a throw-away pair; the mail program does not get to see them")
	return nil
}

// cleartext goes as far as STARTTLS. The line behind it is an attacker's: it
// stands in the same packet and must not be taken for one of the tunnel's.
func (c *conversation) cleartext() error {
	c.section("in the clear")
	c.tap = &tap{Conn: c.server.client}
	c.in, c.out = bufio.NewReader(c.tap), c.tap
	if err := c.hear("220"); err != nil {
		return err
	}
	if err := c.say("EHLO client.example"); err != nil {
		return err
	}
	if err := c.hear("250"); err != nil {
		return err
	}
	c.spoken("C", "STARTTLS")
	c.spoken("!", "MAIL FROM:<mallory@example>      (slipped in behind it, in the same packet)")
	if _, err := io.WriteString(c.tap, "STARTTLS\r\n"+injected); err != nil {
		return err
	}
	return c.hear("220")
}

const injected = "MAIL FROM:<mallory@example>\r\n"

func (c *conversation) command() error {
	e, err := c.server.next("command")
	if err != nil {
		return err
	}
	if e.N != len(injected) {
		return fmt.Errorf("the mail program had read %d bytes ahead, not %d", e.N, len(injected))
	}
	c.section("the mail program asks for TLS")
	c.note("drop", fmt.Sprintf("the %d bytes that it had read behind STARTTLS", e.N))
	c.note("write", "Y to the control socket, SSLCTLFD="+e.Text)
	return nil
}

func (c *conversation) handshake(ca *x509.CertPool) error {
	c.tls = tls.Client(c.tap, &tls.Config{RootCAs: ca, ServerName: serverName})
	if err := c.tls.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	state := c.tls.ConnectionState()
	protocol, cipher := strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1), tls.CipherSuiteName(state.CipherSuite)
	e, err := c.server.next("blob")
	if err != nil {
		return err
	}
	want := "SSL_PROTOCOL=" + protocol + "\x00SSL_CIPHER=" + cipher + "\x00SSL_TLS_SNI_SERVERNAME=" + serverName + "\x00\x00"
	if e.Text != want {
		return fmt.Errorf("the mail program received the blob %q, not %q", e.Text, want)
	}
	c.note("read", fmt.Sprintf("the information blob, %d bytes, then the end:", len(e.Text)))
	for _, item := range strings.SplitAfter(strings.TrimSuffix(e.Text, "\x00"), "\x00") {
		if item != "" {
			c.note("", strings.Replace(item, "\x00", "\\0", 1))
		}
	}
	c.note("", "\\0")
	c.section("encrypted")
	c.seal(fmt.Sprintf("%s, %s, %s; the client verified the certificate of %s", protocol, cipher, state.CurveID, serverName))
	c.in, c.out = bufio.NewReader(c.tls), c.tls
	return nil
}

// letter sends mail. Had the injected line survived, every reply would be that
// of the line before.
func (c *conversation) letter() error {
	for _, turn := range []struct {
		reply string
		say   []string
	}{
		{"250", []string{"MAIL FROM:<alice@example>"}},
		{"250", []string{"RCPT TO:<bob@example>"}},
		{"354", []string{"DATA"}},
		{"250 accepted", append(letterText, ".")},
	} {
		if err := c.say(turn.say...); err != nil {
			return err
		}
		if turn.reply == "250 accepted" {
			c.note("wire", fmt.Sprintf("% x ...  %d bytes: the letter, as others see it", c.tap.last[:16], len(c.tap.last)))
		}
		if err := c.hear(turn.reply); err != nil {
			return err
		}
	}
	e, err := c.server.next("letter")
	if err != nil {
		return err
	}
	if e.Text != strings.Join(letterText, "\n") {
		return fmt.Errorf("another letter arrived: %q", e.Text)
	}
	c.note("prog", fmt.Sprintf("has the letter, %d lines, word for word", len(letterText)))
	return nil
}

// goodbye ends both directions with close_notify. crypto/tls says io.EOF for a
// FIN without one as well, so the tap reports whether the FIN came first.
func (c *conversation) goodbye() error {
	if err := c.say("QUIT"); err != nil {
		return err
	}
	if err := c.hear("221"); err != nil {
		return err
	}
	if _, err := c.in.ReadByte(); err != io.EOF || c.tap.eof {
		return fmt.Errorf("the client wants close_notify, it got %v (FIN seen: %t)", err, c.tap.eof)
	}
	c.unseal()
	c.section("the end")
	c.note("client", "got close_notify, and answers with its own")
	if err := c.tls.Close(); err != nil {
		return err
	}
	if _, err := c.server.next("end of input"); err != nil {
		return err
	}
	return nil
}

func (c *conversation) verdict() error {
	e, err := c.server.next("tunnel")
	if err != nil {
		return err
	}
	if e.N != 0 {
		return fmt.Errorf("s6-tlsd-io, pid %s, exited %d", e.Text, e.N)
	}
	c.note("tunnel", fmt.Sprintf("s6-tlsd-io, pid %s, a child of the mail program: exit code %d", e.Text, e.N))
	code, err := c.server.wait()
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("the mail program exited %d", code)
	}
	c.note("prog", fmt.Sprintf("mail program, pid %d: exit code %d", c.server.command.Process.Pid, code))
	if !c.tap.carried("STARTTLS") || c.tap.carried("swordfish") || c.tap.carried("alice") {
		return errors.New("something crossed the wire in the clear that must not")
	}
	c.note("wire", fmt.Sprintf("%d bytes crossed it; the word swordfish is not among them", c.tap.wire.Len()))
	c.log(c.server.log.String())
	return nil
}
