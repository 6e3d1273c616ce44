//go:build linux

package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// Every option that the pages of s6-networking spell, in both forms, is
// accepted by our program of that name: prog runs.
func TestOptionsOfExistingRunLines(t *testing.T) {
	t.Parallel()
	common := []string{"-S", "-s", "-J", "-j", "--close-notify", "--no-close-notify", "--enforce-close-notify", "--no-enforce-close-notify",
		"-v 1", "-v0", "--verbosity=2", "-K 5000", "-K0", "--handshake-timeout=5000", "-Z", "-z", "--keep", "--no-keep", "-SJ", "-SJZ", "-zSK5000", "--"}
	server := append([]string{"-Y", "--client-cert", "-y", "--mandatory-client-cert", "-k 1", "-k2", "--sni-level=1", "--sni", "--mandatory-sni",
		"-S -J -y -v 2 -K 3000 -k 1 -Z --", "-s -j -Y -v0 -K 3000 -k 0 -z"}, common...)
	client := append([]string{"-Y", "--no-client-cert", "-y", "--client-cert", "-k localhost", "-klocalhost", "--servername=localhost", "--verify-cert", "--no-verify-cert",
		"-6 6 -7 7", "--read-fd=6 --write-fd=7", "-S -J -y -v 2 -K 3000 -k localhost -6 6 -7 7 -Z --no-verify-cert --"}, common...)
	for program, options := range map[string][]string{"s6-tlsd": server, "s6-ucspitlsd": server, "s6-tlsc": client, "s6-ucspitlsc": client} {
		for _, words := range options {
			t.Run(program+" "+words, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				done := filepath.Join(dir, "done")
				s := spec{program: program, args: append(strings.Fields(words), "touch", done)}
				peer, sock := network(t)
				p := pki.New(t)
				if isServerTool(program) {
					env, d := material(t)
					s.env = named(t, env, d, "localhost", p.Server(pki.P256))
					s.files = map[int]*os.File{0: sock, 1: dup(t, sock)}
				} else {
					s.env, _ = trusting(t)
					s.files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}
				}
				x := start(t, s)
				if !delayed(program) {
					c := opposite(t, program, peer, withCert(p.Client(pki.P256)))
					if err := c.Handshake(); err != nil {
						t.Error(err)
					}
					c.Close()
				}
				if code := x.code(); code != 0 {
					t.Errorf("exit code %d", code)
				}
				if _, err := os.Stat(done); err != nil {
					t.Error("prog did not run")
				}
			})
		}
	}
}

// The tunnels are also run by hand, in other people's scripts.
func TestOptionsOfTheTunnels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		program string
		options []string
	}{
		{"s6-tlsd-io", []string{"-v 1", "--verbosity=1", "-d 0", "--notification-fd=0", "-S", "-s", "-J", "-j", "-Y", "-y", "--client-cert", "--mandatory-client-cert",
			"-K 5000", "--handshake-timeout=5000", "-k 0", "--sni-level=1", "--sni", "--mandatory-sni", "--"}},
		{"s6-tlsc-io", []string{"-v 1", "-d0", "-S", "-s", "-J", "-j", "-Y", "-y", "--no-client-cert", "--client-cert", "-K 5000", "-k localhost", "--servername=localhost",
			"--verify-cert", "--no-verify-cert", "--"}},
	} {
		for _, words := range c.options {
			t.Run(c.program+" "+words, func(t *testing.T) {
				t.Parallel()
				p := pki.New(t)
				peer, sock := network(t)
				s := spec{program: c.program, args: append(strings.Fields(words), "6", "7")}
				if c.program == "s6-tlsd-io" {
					env, d := material(t)
					s.env = named(t, env, d, "localhost", p.Server(pki.P256))
					s.files = map[int]*os.File{0: sock, 1: dup(t, sock), 6: devNull(t), 7: devNull(t)}
				} else {
					s.env, _ = trusting(t)
					s.files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}
				}
				x := start(t, s)
				conn := opposite(t, c.program[:len(c.program)-3], peer, withCert(p.Client(pki.P256)))
				if err := conn.Handshake(); err != nil {
					t.Error(err)
				}
				conn.Close()
				if code := x.code(); code != 0 {
					t.Errorf("exit code %d, stderr %q", code, x.stderr())
				}
			})
		}
	}
}

// The configuration in a directory of files, as supervised services have it:
// envdir of daemontools, softlimit, tcpserver, our tool, mail program.
func TestServiceWithAnEnvironmentFolder(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	envdir, softlimit := need.Program(t, "envdir", "daemontools"), need.Program(t, "softlimit", "daemontools")
	_, dir := material(t)
	folder := filepath.Join(dir, "env")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"CERTFILE": dir + "/server.pem", "KEYFILE": dir + "/server.key", "CERTFILE:mail.example": dir + "/server.pem", "KEYFILE:mail.example": dir + "/server.key",
		"TLS_MIN_VERSION": "1.3", "UCSPITLS": "", "SSL_PEER_CERT_HASH": "forged",
	} {
		pki.WriteFile(t, folder, name, []byte(value+"\n"))
	}
	prog := script(t, `env | grep -E '^(CERTFILE|KEYFILE|TLS_|SSL_|SSLKEY|PROTO|TCPREMOTEIP)' | sed 's/=.*//' | sort | tr '\n' ' '`)
	s := underTCPServer(t, []string{envdir, folder, softlimit, "-m", "20000000", "-o", "60", "TCPSERVER", filepath.Join(bin, "s6-tlsd"), "-k1", prog}, nil, nil)
	for range 3 {
		c := handshake(t, dialTap(t, s.address), askFor("mail.example"))
		got, err := io.ReadAll(c)
		if want := "PROTO SSL_CIPHER SSL_PROTOCOL SSL_TLS_SNI_SERVERNAME TCPREMOTEIP "; string(got) != want || err != nil {
			t.Errorf("prog has %q, want %q; %v", got, want, err)
		}
		c.Close()
	}
	kill(s)
}
