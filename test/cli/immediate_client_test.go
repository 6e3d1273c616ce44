//go:build linux

package cli

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

func serverHash(c *pki.Cert) string {
	sum := sha256.Sum256(c.DER())
	return "SSL_PEER_CERT_HASH=SHA256:" + hex.EncodeToString(sum[:])
}

// What a client's prog is told, in its environment or after "Y".
func TestInformationOfClients(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	hash := serverHash(p.Server(pki.P256))
	const subject = "SSL_PEER_CERT_SUBJECT=/C=XX/O=Test/CN=test server"
	for _, c := range []struct {
		name   string
		args   []string
		env    []string
		tweaks []tweak
		want   []string
	}{
		{"TLSv1.2", []string{"-k", "localhost"}, nil, []tweak{tls12},
			[]string{"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject}},
		{"TLSv1.3", []string{"-k", "localhost"}, nil, []tweak{tls13},
			[]string{"SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=TLS_AES_128_GCM_SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject}},
		{"an address", []string{"-k", "127.0.0.1"}, nil, []tweak{tls13},
			[]string{"SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=TLS_AES_128_GCM_SHA256", hash, subject}},
		{"not verified", []string{"-k", "other.example", "--no-verify-cert"}, []string{"CAFILE"}, []tweak{tls13},
			[]string{"SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=TLS_AES_128_GCM_SHA256", "SSL_TLS_SNI_SERVERNAME=other.example"}},
		{"ALPN", []string{"-k", "localhost"}, []string{"TLS_ALPN=x,smtp"},
			[]tweak{tls12, func(c *tls.Config) { c.NextProtos = []string{"smtp"} }},
			[]string{"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject, "SSL_ALPN=smtp"}},
		{"ALPN that the server does not know", []string{"-k", "localhost"}, []string{"TLS_ALPN=x"}, []tweak{tls12},
			[]string{"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject}},
	} {
		for _, program := range clients {
			t.Run(program+" "+c.name, func(t *testing.T) {
				t.Parallel()
				env := append([]string{"SSL_PEER_CERT_HASH=forged", "SSL_ALPN=forged", "SSL_SERVER_S_DN=forged"}, c.env...)
				x := dial(t, program, c.args, env...)
				a, conn := x.greet("Y", c.tweaks...)
				var got []string
				if x.wait {
					got = strings.Split(strings.TrimSuffix(a.readAll(a.ctl), "\x00\x00"), "\x00")
				}
				for _, item := range a.Env {
					if strings.HasPrefix(item, "SSL_") {
						got = append(got, item)
					}
				}
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
					t.Errorf("\n got %q\nwant %q", got, c.want)
				}
				echo(t, a, conn)
				a.exit(0)
				conn.Close()
				x.expect(0, "")
			})
		}
	}
}

// A certificate's subject may be long, and no value is ever cut: what does not
// fit into an environment ends the session before prog.
func TestLongSubjectOfAServer(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	with := func(units int) *pki.Cert {
		return p.Issue(pki.Spec{Issuer: p.Intermediate, Name: "long", DNS: []string{pki.Host}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			Edit: func(c *x509.Certificate) {
				for range units {
					c.Subject.OrganizationalUnit = append(c.Subject.OrganizationalUnit, strings.Repeat("y", 145)) // 150 with " + OU="
				}
			}})
	}
	t.Run("90 kB", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-tlsc", []string{"-k", pki.Host})
		a, c := x.greet("", showing(with(600)))
		if got, _ := a.lookup("SSL_PEER_CERT_SUBJECT"); len(got) < 90000 || !strings.HasSuffix(got, "/CN=long") {
			t.Errorf("subject of %d bytes", len(got))
		}
		a.exit(0)
		c.Close()
		x.expect(0, "")
	})
	t.Run("120 kB", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-tlsc", []string{"-k", pki.Host})
		c := answering(t, x.peer, showing(with(800)))
		c.Handshake()
		x.expect(98, "s6-tlsc: fatal: SSL_PEER_CERT_SUBJECT of the peer is too long for the environment")
		if x.stage.started() {
			t.Error("prog was started")
		}
	})
	t.Run("120 kB, delayed: a blob has no limit", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-ucspitlsc", []string{"-k", pki.Host})
		a, c := x.greet("Y", showing(with(800)))
		blob := a.readAll(a.ctl)
		if len(blob) < 120000 || !strings.HasSuffix(blob, "/CN=long\x00\x00") {
			t.Errorf("blob of %d bytes", len(blob))
		}
		echo(t, a, c)
		a.exit(0)
		c.Close()
		x.expect(0, "")
	})
}

func TestEnvironmentOfClients(t *testing.T) {
	t.Parallel()
	for _, program := range clients {
		for _, c := range []struct {
			name string
			args []string
			keep bool
		}{{"default", nil, false}, {"-z", []string{"-z"}, false}, {"-Z", []string{"--keep"}, true}, {"-Z -z", []string{"-Zz"}, false}} {
			t.Run(program+" "+c.name, func(t *testing.T) {
				t.Parallel()
				base, dir := trusting(t)
				env := append([]string{}, base...)
				env = append(env, "SSLCTLFD=77", "SSLREADFD=78", "SSLWRITEFD=79", "SSLKEYLOGFILE="+dir+"/log", "CADIR=", "TLS_MIN_VERSION=1.2", "TLS_MAX_VERSION=1.3",
					"TLS_ALPN=smtp", "TLS_IDLE_TIMEOUT=0", "TLS_EXPORT=s6", "TLS_SANDBOX=off", "TLS_UID=0", "TLS_GID=0", "TLS_FINGERPRINT=golang", "CERTFILE:x=/x", "KEYFILE:x=/x")
				for _, name := range identity {
					env = append(env, name+"=stale")
				}
				for _, name := range nearMisses {
					value, ok := harmless[name]
					if !ok {
						value = "stale"
					}
					env = append(env, name+"="+value)
				}
				x := dialWith(t, spec{program: program, args: append([]string{"-v0", "-k", pki.Host}, c.args...), env: env})
				a, conn := x.greet("y")
				want := []string{"PATH", appVariable}
				for _, item := range env {
					name, _, _ := strings.Cut(item, "=")
					switch {
					case slices.Contains(identity, name), strings.HasPrefix(name, "SSL") && strings.HasSuffix(name, "FD"):
					case slices.Contains(configuration, name), name == "CERTFILE:x", name == "KEYFILE:x", name == "CERTFILE", name == "KEYFILE":
						if c.keep {
							want = append(want, name)
						}
					default:
						want = append(want, name)
					}
				}
				if x.wait {
					want = append(want, "SSLCTLFD", "SSLREADFD", "SSLWRITEFD")
				} else {
					want = append(want, "SSL_PROTOCOL", "SSL_CIPHER", "SSL_TLS_SNI_SERVERNAME", "SSL_PEER_CERT_HASH", "SSL_PEER_CERT_SUBJECT")
				}
				var got []string
				for _, item := range a.Env {
					name, value, _ := strings.Cut(item, "=")
					got = append(got, name)
					if slices.Contains(identity, name) && value == "stale" {
						t.Errorf("%s is stale", name)
					}
				}
				sort.Strings(got)
				sort.Strings(want)
				if diff := difference(got, want); diff != "" {
					t.Errorf("prog's environment: %s", diff)
				}
				a.exit(0)
				conn.Close()
				x.expect(0, "")
			})
		}
	}
}

// 0, 1 and 2 are not the tool's. The network is on 6 and 7, or where -6 and -7
// say; what else is open goes to prog.
func TestDescriptorsOfAClientsProg(t *testing.T) {
	eachClient(t, func(t *testing.T, program string, version tweak) {
		for _, c := range []struct {
			args string
			r, w int
		}{{"", 6, 7}, {"-6 9 -7 4", 9, 4}, {"--write-fd=12 --read-fd=11", 11, 12}} {
			base, dir := trusting(t)
			in, out := pki.WriteFile(t, dir, "in", []byte("stdin\n")), pki.WriteFile(t, dir, "out", nil)
			stdin, err := os.Open(in)
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := os.OpenFile(out, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			peer, sock := network(t)
			x := &dialled{stage: newStage(t), peer: peer, wait: delayed(program)}
			spare := devNull(t)
			x.process = start(t, spec{program: program,
				args: append(append(strings.Fields(c.args), "-k", pki.Host), x.stage.prog()...), env: append(base, x.stage.env()),
				files: map[int]*os.File{0: stdin, 1: stdout, 20: spare, c.r: sock, c.w: dup(t, sock)}})
			a, conn := x.greet("y", version)
			if !x.wait {
				a.rd, a.wr = c.r, c.w
			}
			network := "pipe"
			want := fmt.Sprintf("0 %s, 1 %s, 2 pipe, 20 /dev/null", in, out)
			if x.wait {
				network = "socket"
				want += fmt.Sprintf(", %d pipe, %d pipe, %d socket", a.rd, a.wr, a.ctl)
			}
			want += fmt.Sprintf(", %d %s, %d %s", c.r, network, c.w, network)
			if kinds := fdKinds(a.FDs); !sameSet(kinds, want) {
				t.Errorf("prog has %s\nwant %s", kinds, want)
			}
			for n, d := range a.FDs {
				if d.NonBlock {
					t.Errorf("O_NONBLOCK is set on prog's %d", n)
				}
			}
			echo(t, a, conn)
			a.expectRead(0, "stdin\n") // nobody has read it
			for n := range a.FDs {
				if a.must(step{Do: "nonblock", FD: n}).N != 0 {
					t.Errorf("O_NONBLOCK is set on prog's %d under TLS", n)
				}
			}
			a.exit(0)
			conn.Close()
			x.expect(0, "")
			if data, _ := os.ReadFile(out); len(data) > 0 {
				t.Errorf("%q on stdout", data)
			}
		}
	})
}

// A tool that is started without its network says so before anything else.
func TestNetworkOfAClientNotOpen(t *testing.T) {
	t.Parallel()
	for _, program := range clients {
		for _, c := range []struct {
			args  string
			files []int
			code  int
			line  string
		}{
			{"", []int{0, 1}, 111, "unable to check network descriptor 6: bad file descriptor"},
			{"", []int{0, 1, 6}, 111, "unable to check network descriptor 7: bad file descriptor"},
			{"-6 30", []int{0, 1, 6, 7}, 111, "unable to check network descriptor 30: bad file descriptor"},
			{"-6 2", []int{0, 1, 6, 7}, 100, "read-fd must be an unsigned integer (3 or more)"},
			{"--write-fd=x", []int{0, 1, 6, 7}, 100, "write-fd must be an unsigned integer (3 or more)"},
			{"-6 8 -7 8", []int{0, 1, 6, 7}, 100, "read-fd and write-fd must be different"},
			{"-7 6", []int{0, 1, 6, 7}, 100, "read-fd and write-fd must be different"},
		} {
			env, _ := trusting(t)
			files := map[int]*os.File{}
			for _, n := range c.files {
				files[n] = devNull(t)
			}
			p := start(t, spec{program: program, args: append(strings.Fields(c.args), "--", "true"), env: env, files: files})
			p.expect(c.code, program+": fatal: "+c.line)
		}
	}
}

// 0 and 1 of a client may be closed: they are not its business.
func TestClientWithStandardDescriptorsClosed(t *testing.T) {
	t.Parallel()
	for _, program := range clients {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			peer, sock := network(t)
			x := &dialled{stage: newStage(t), peer: peer, wait: delayed(program)}
			base, _ := trusting(t)
			x.process = start(t, spec{program: program, args: append([]string{"-k", pki.Host}, x.stage.prog()...), env: append(base, x.stage.env()),
				files: map[int]*os.File{6: sock, 7: dup(t, sock)}})
			a, c := x.greet("y")
			echo(t, a, c)
			a.exit(0)
			c.Close()
			x.expect(0, "")
		})
	}
}

// The network may be two pipes, such as a pair of FIFOs.
func TestNetworkOfPipes(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"s6-tlsc", "s6-tlsd"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			// The peer's end is a socket whose bytes two goroutines carry.
			far, near := network(t)
			up, upw, err := os.Pipe() // tool to peer
			if err != nil {
				t.Fatal(err)
			}
			downr, down, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			carry := func(to, from *os.File, end func()) {
				buf := make([]byte, 32<<10)
				for {
					n, err := from.Read(buf)
					if n > 0 {
						to.Write(buf[:n])
					}
					if err != nil {
						break
					}
				}
				end()
			}
			toPeer := dup(t, near)
			go carry(toPeer, up, func() { syscall.Shutdown(int(toPeer.Fd()), syscall.SHUT_WR); toPeer.Close(); up.Close() })
			go carry(down, near, func() { down.Close(); near.Close() })
			stage := newStage(t)
			s := spec{program: program, args: stage.prog()}
			var c *tls.Conn
			files := map[int]*os.File{0: downr, 1: upw}
			if program == "s6-tlsc" {
				s.env, _ = trusting(t)
				s.args = append([]string{"-k", pki.Host}, s.args...)
				files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: downr, 7: upw}
				c = answering(t, far)
			} else {
				s.env, _ = material(t)
				c = client(t, far)
			}
			s.files, s.env = files, append(s.env, stage.env())
			p := start(t, s)
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			a := stage.app()
			if program == "s6-tlsc" {
				a.rd, a.wr = 6, 7
			}
			echo(t, a, c)
			a.play(write(a.wr, "bye"), step{Do: "close", FD: a.wr})
			expectPeer(t, c, "bye", false)
			c.Write([]byte("and more"))
			a.expectRead(a.rd, "and more")
			c.Close()
			a.expectEnd(a.rd, "")
			a.expectWait(0)
			a.exit(0)
			p.expect(0, "")
		})
	}
}
