//go:build linux

package cli

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/lab/loopback"
	"ucspitls/test/need"
)

// A mail server that knows no TLS gets STARTTLS: mailfront's smtpfront-echo
// under s6-ucspitlsd, and clients that people use.

// A mailServer runs the chain for one connection, as a super-server does.
type mailServer struct {
	host, port string
	ca         string
	stderr     func() string // when everything has ended
}

func serveMail(t *testing.T, flag string) *mailServer {
	t.Helper()
	front := need.Program(t, "smtpfront-echo", "mailfront")
	env, dir := material(t)
	address, accepted := listen(t)
	host, port, _ := net.SplitHostPort(address)
	m := &mailServer{host: host, port: port, ca: dir + "/ca.pem"}
	var p *process
	started := make(chan struct{})
	go func() {
		sock, ok := <-accepted
		if !ok {
			return
		}
		p = start(t, spec{program: "s6-ucspitlsd", args: []string{flag, "-v2", "--", front, "starttls-ucspi", "accept"},
			env: append(env, "UCSPITLS=", "PROTO=TCP", "TCPREMOTEIP=127.0.0.1"), files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
		close(started)
	}()
	m.stderr = func() string {
		await(t, started, "a connection")
		return p.stderr()
	}
	return m
}

// listen gives the address of a listener and the first connection to it, as
// a blocking file; the channel is closed when there will be none.
func listen(t *testing.T) (address string, accepted <-chan *os.File) {
	t.Helper()
	l, err := loopback.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	files := make(chan *os.File, 1)
	go func() {
		defer close(files)
		conn, err := l.AcceptTCP()
		if err != nil {
			return
		}
		if f, err := loopback.File(conn); err == nil {
			files <- f
		}
	}()
	return l.Addr().String(), files
}

// accepted checks what a client printed and what the server said.
func (m *mailServer) accepted(t *testing.T, output, version string) {
	t.Helper()
	if !strings.Contains(output, "250 Received ") {
		t.Errorf("the message was not accepted:\n%s", output)
	}
	log := m.stderr()
	if !strings.Contains(log, "accepted opportunistic TLS\n") || !strings.Contains(log, "s6-tlsd-io: info: "+version+" ") ||
		!farewell.MatchString(log) || strings.Contains(log, "fatal") {
		t.Errorf("the server said:\n%s", log)
	}
}

// converse runs a client, writes input, and keeps its stdin open until the
// server said goodbye.
func converse(t *testing.T, input string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, input)
	var all bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		all.Write(buf[:n])
		if err != nil || bytes.Contains(all.Bytes(), []byte("221 2.0.0")) {
			break
		}
	}
	in.Close()
	io.Copy(&all, out)
	cmd.Wait() // some call our bare FIN an error of their own
	return all.String()
}

// s_client takes a line that begins with R or Q for a command to itself.
const letter = "ehlo tester\r\nmail from:<a@example.org>\r\nrcpt to:<b@example.org>\r\ndata\r\n" +
	"Subject: a test\r\n\r\nencrypted\r\n.\r\nquit\r\n"

func eachMail(t *testing.T, test func(t *testing.T, flag, version string)) {
	t.Parallel()
	for _, flag := range []string{"-s", "-S"} {
		for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
			t.Run(flag+" "+version, func(t *testing.T) {
				t.Parallel()
				test(t, flag, version)
			})
		}
	}
}

func TestMailFromSwaks(t *testing.T) {
	swaks := need.Program(t, "swaks", "swaks")
	if exec.Command("perl", "-MNet::SSLeay", "-e1").Run() != nil {
		need.Package(t, "Net::SSLeay, which swaks needs for TLS,", "libnet-ssleay-perl")
	}
	eachMail(t, func(t *testing.T, flag, version string) {
		m := serveMail(t, flag)
		out := converse(t, "", swaks, "--server", m.host, "--port", m.port, "--tls", "--tls-protocol", strings.NewReplacer("TLSv1.2", "tlsv1_2", "TLSv1.3", "tlsv1_3").Replace(version),
			"--tls-verify", "--tls-ca-path", m.ca, "--from", "a@example.org", "--to", "b@example.org", "--ehlo", "tester")
		if !strings.Contains(out, "=== TLS started with cipher "+version) {
			t.Errorf("swaks has no %s:\n%s", version, out)
		}
		m.accepted(t, out, version)
	})
}

func TestMailFromOpenSSL(t *testing.T) {
	openssl := need.Program(t, "openssl", "openssl")
	eachMail(t, func(t *testing.T, flag, version string) {
		m := serveMail(t, flag)
		out := converse(t, letter, openssl, "s_client", "-starttls", "smtp", "-connect", m.host+":"+m.port, "-CAfile", m.ca,
			"-verify_return_error", "-verify_hostname", pki.Host, "-servername", pki.Host, "-ign_eof",
			map[string]string{"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version])
		if !strings.Contains(out, "Verify return code: 0 (ok)") {
			t.Errorf("s_client could not verify:\n%s", out)
		}
		m.accepted(t, out, version)
	})
}

func TestMailFromGnuTLS(t *testing.T) {
	gnutls := need.Program(t, "gnutls-cli", "gnutls-bin")
	eachMail(t, func(t *testing.T, flag, version string) {
		m := serveMail(t, flag)
		out := converse(t, letter, gnutls, "--starttls-proto=smtp", "--x509cafile", m.ca, "--port", m.port,
			"--priority", "NORMAL:-VERS-ALL:+VERS-"+strings.Replace(version, "v", "", 1), "--verify-hostname="+pki.Host, m.host)
		if !strings.Contains(out, "- Status: The certificate is trusted.") {
			t.Errorf("gnutls-cli does not trust us:\n%s", out)
		}
		m.accepted(t, out, version)
	})
}

// A client that never asks for TLS is served in the clear.
func TestMailInTheClear(t *testing.T) {
	t.Parallel()
	m := serveMail(t, "-s")
	conn, err := net.Dial("tcp4", net.JoinHostPort(m.host, m.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, letter)
	out, _ := io.ReadAll(conn)
	if !strings.Contains(string(out), "250-STARTTLS\r\n") || !strings.Contains(string(out), "250 Received ") {
		t.Errorf("the client got %q", out)
	}
	if log := m.stderr(); !strings.Contains(log, "declined opportunistic TLS\n") {
		t.Errorf("the server said %q", log)
	}
}
