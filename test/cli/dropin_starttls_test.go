//go:build linux

package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// A mail program under s6-ucspitlsc, and servers that people use.

// mailFrom runs the mailer on a connection to address and gives what it printed.
func mailFrom(t *testing.T, address, command string, args []string, env []string) (p *process, printed func() string) {
	t.Helper()
	sock := connect(t, address)
	p = start(t, spec{program: "s6-ucspitlsc", args: append(append([]string{}, args...), "--", self), env: append(env, mailerVariable+"="+command),
		files: map[int]*os.File{0: devNull(t), 6: sock, 7: dup(t, sock)}, stdout: true})
	return p, func() string {
		await(t, p.Closed, "the end of the mailer's output")
		return string(p.Stdout())
	}
}

// Both of our delayed tools: the mailer and mailfront know nothing of TLS.
func TestMailerToMailfront(t *testing.T) {
	eachMail(t, func(t *testing.T, flag, version string) {
		for _, command := range []string{"Y", "y"} {
			m := serveMail(t, flag)
			env, _ := trusting(t)
			v := strings.TrimPrefix(version, "TLSv")
			p, printed := mailFrom(t, net.JoinHostPort(m.host, m.port), command, []string{flag, "-v2", "-k", pki.Host}, append(env, "TLS_MIN_VERSION="+v, "TLS_MAX_VERSION="+v))
			out := printed()
			if code := p.code(); code != 0 {
				t.Errorf("the mailer ended with %d", code)
			}
			m.accepted(t, out, version)
			if command == "Y" && !strings.HasPrefix(out, "SSL_PROTOCOL="+version+"\x00SSL_CIPHER=") {
				t.Errorf("blob %q", out)
			}
			if command == "y" && strings.Contains(out, "SSL_") {
				t.Errorf("a blob after y: %q", out)
			}
			if log := p.stderr(); !strings.Contains(log, "accepted opportunistic TLS\n") || !strings.Contains(log, "s6-tlsc-io: info: "+version+" ") || strings.Contains(log, "fatal") {
				t.Errorf("the client said:\n%s", log)
			}
		}
	})
}

// A mailer that must not trust its server gets no blob, and no word in the
// clear goes out after STARTTLS.
func TestMailerToAStranger(t *testing.T) {
	t.Parallel()
	m := serveMail(t, "-s")
	env, _ := trusting(t)
	p, printed := mailFrom(t, net.JoinHostPort(m.host, m.port), "Y", []string{"-k", "mx.example"}, env)
	out := printed()
	p.expect(3, "s6-tlsc-io: fatal: handshake failed: the peer's certificate is for another name (sent alert bad_certificate)")
	if out != "mailer: TLS failed\n" {
		t.Errorf("the mailer said %q", out)
	}
	if log := m.stderr(); strings.Contains(log, "MAIL") || !strings.Contains(log, "peer sent alert bad_certificate") {
		t.Errorf("the server said:\n%s", log)
	}
}

// A server on OpenSSL that has STARTTLS. (s_server has none.)
const pythonMailServer = `
import os, socket, ssl, sys
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
ctx.minimum_version = ctx.maximum_version = getattr(ssl.TLSVersion, sys.argv[3])
c = socket.socket(fileno=os.dup(0))
f = c.makefile('rwb', 0)
f.write(b'220 there\r\n')
tls = False
while True:
    line = f.readline().strip().upper()
    if line.startswith(b'EHLO'):
        f.write(b'250 fine\r\n' if tls else b'250-fine\r\n250 STARTTLS\r\n')
    elif line == b'STARTTLS':
        f.write(b'220 go\r\n')
        f.close()
        c = ctx.wrap_socket(c, server_side=True, suppress_ragged_eofs=sys.argv[4] == 'ragged')
        f = c.makefile('rwb', 0)
        tls = True
    elif line == b'DATA':
        f.write(b'354 go\r\n')
        lines = 0
        while f.readline() != b'.\r\n':
            lines += 1
        f.write(b'250 Received %d lines over %s\r\n' % (lines, c.version().encode()))
    elif line == b'QUIT':
        f.write(b'221 bye\r\n')
        break
    elif not line:
        sys.exit(5)
    else:
        f.write(b'250 fine\r\n')
c.unwrap() if sys.argv[4] != 'ragged' else c.close()
`

func TestMailerToPython(t *testing.T) {
	t.Parallel()
	python := need.Program(t, "python3", "python3")
	for version, constant := range map[string]string{"TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"} {
		for _, end := range []struct{ flag, mode string }{{"-SJ", "unwrap"}, {"-Sj", "ragged"}, {"-sj", "ragged"}} {
			t.Run(version+" "+end.flag+" "+end.mode, func(t *testing.T) {
				t.Parallel()
				_, dir := material(t)
				text := filepath.Join(dir, "server.py")
				if err := os.WriteFile(text, []byte(pythonMailServer), 0o600); err != nil {
					t.Fatal(err)
				}
				address, accepted := listen(t)
				ended := make(chan error, 1)
				var stderr strings.Builder
				go func() {
					sock, ok := <-accepted
					if !ok {
						return
					}
					cmd := exec.Command(python, text, dir+"/server.pem", dir+"/server.key", constant, end.mode)
					cmd.Stdin, cmd.Stderr = sock, &stderr
					err := cmd.Run()
					sock.Close()
					ended <- err
				}()
				env, _ := trusting(t)
				p, printed := mailFrom(t, address, "Y", []string{end.flag, "-k", pki.Host}, env)
				out := printed()
				if !strings.HasSuffix(out, "250 Received 5002 lines over "+version+"\r\n") {
					t.Errorf("the mailer said %q", out)
				}
				p.expect(0, "")
				if err := <-ended; err != nil {
					t.Errorf("the server: %v\n%s", err, stderr.String())
				}
			})
		}
	}
}
