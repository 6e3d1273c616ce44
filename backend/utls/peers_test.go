package utls

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
)

// patience bounds everything that waits for a peer.
const patience = 20 * time.Second

// A job is what a server is to do.
type job struct {
	version uint16
	key     pki.KeyType
	client  bool   // wants a client's certificate
	extra   string // an option of the program
}

func (j job) String() string {
	s := tls.VersionName(j.version) + " " + string(j.key)
	if j.client {
		s += " client certificate"
	}
	return s + j.extra
}

func jobs() (all []job) {
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		for _, k := range []pki.KeyType{pki.RSA2048, pki.P256} {
			all = append(all, job{version: v, key: k}, job{version: v, key: k, client: true})
		}
	}
	return all
}

// A server answers "ping\n" with one line of ours and is gone after the test.
type server struct {
	name   string
	start  func(*testing.T, job) (address string)
	answer string
}

var servers = []server{
	{"crypto-tls", startGo, "ping\n"},
	{"openssl", startOpenSSL, "gnip\n"},
	{"gnutls", startGnuTLS, "ping\n"},
}

func startGo(t *testing.T, j job) string {
	p := pki.New(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{p.Server(j.key).TLS()}, MinVersion: j.version, MaxVersion: j.version}
	if j.client {
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		cfg.ClientCAs.AddCert(p.Root.X509)
	}
	return listen(t, cfg)
}

// listen serves an echo.
func listen(t *testing.T, cfg *tls.Config) string {
	l, err := tls.Listen("tcp4", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go echo(c)
		}
	}()
	return l.Addr().String()
}

func echo(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.Copy(c, c)
}

func startOpenSSL(t *testing.T, j job) string {
	files := material(t, j)
	args := []string{"s_server", "-accept", "127.0.0.1:0", "-rev", "-no_dhe", "-cert", files.cert, "-cert_chain", files.cert, "-key", files.key,
		map[uint16]string{backend.TLS12: "-tls1_2", backend.TLS13: "-tls1_3"}[j.version]}
	if j.client {
		args = append(args, "-CAfile", files.root, "-Verify", "3", "-verify_return_error")
	}
	return run(t, "openssl", "openssl", regexp.MustCompile(`ACCEPT (127\.0\.0\.1:\d+)`), args...)
}

// startGnuTLS: gnutls-serv listens on every address and does not say on which
// port, so it gets one that was free a moment ago.
func startGnuTLS(t *testing.T, j job) string {
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	files := material(t, j)
	args := []string{"--echo", "--port", port, "--x509certfile", files.cert, "--x509keyfile", files.key,
		"--priority", map[uint16]string{backend.TLS12: "NORMAL:-VERS-ALL:+VERS-TLS1.2", backend.TLS13: "NORMAL:-VERS-ALL:+VERS-TLS1.3"}[j.version]}
	if j.client {
		args = append(args, "--x509cafile", files.root, "--require-client-cert", "--verify-client-cert")
	} else {
		args = append(args, "--disable-client-cert")
	}
	if j.extra != "" {
		args = append(args, j.extra)
	}
	run(t, "gnutls-serv", "gnutls-bin", regexp.MustCompile(`(IPv4 0\.0\.0\.0 port `+port+`)\.\.\.done`), args...)
	return "127.0.0.1:" + port
}

type paths struct{ cert, key, root string }

func material(t *testing.T, j job) (p paths) {
	dir, authority := t.TempDir(), pki.New(t)
	p.cert, p.key = authority.Server(j.key).WriteFiles(t, dir, "server")
	p.root = pki.WriteFile(t, dir, "root.pem", authority.Root.CertPEM())
	return p
}

// run starts a program and waits until it says that it is ready.
func run(t *testing.T, program, debian string, ready *regexp.Regexp, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("UCSPITLS_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s (Debian package %s) is missing", program, debian)
		}
		t.Skipf("%s (Debian package %s) is missing", program, debian)
	}
	cmd := exec.Command(path, args...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	said, read := make(chan string, 1), make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if m := ready.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case said <- m[1]:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		<-read
		r.Close()
		if t.Failed() {
			all := log.String()
			t.Logf("the last that %s said:\n%s", program, all[max(0, len(all)-2000):])
		}
	})
	select {
	case s := <-said:
		return s
	case <-read:
	case <-time.After(patience):
	}
	t.Fatalf("%s does not listen", program)
	return ""
}

// A wire is a TCP connection behind a Wire.
type wire struct {
	backendtest.Wire
	tcp net.Conn
}

// drive calls f until it has an answer.
func (w *wire) drive(f func() error) error {
	for buf := make([]byte, 32<<10); ; {
		err := f()
		if len(w.Out) > 0 {
			w.tcp.Write(w.Out) // if this fails so does Read
			w.Out = nil
		}
		if err != backend.ErrAgain {
			return err
		}
		n, err := w.tcp.Read(buf)
		w.In = append(w.In, buf[:n]...)
		if w.End = err; err != nil && err != io.EOF {
			return err
		}
	}
}

// talk makes one session and gives what was negotiated.
func talk(e backend.Endpoint, address, answer string) (backend.State, error) {
	tcp, err := net.Dial("tcp4", address)
	if err != nil {
		return backend.State{}, err
	}
	defer tcp.Close()
	tcp.SetDeadline(time.Now().Add(patience))
	w := &wire{tcp: tcp}
	c := e.NewConn(w)
	defer c.Close()
	if err := w.drive(c.Handshake); err != nil {
		return c.State(), fmt.Errorf("handshake: %w (%v)", err, errors.Unwrap(err))
	}
	if err := w.drive(func() error { _, err := c.Write([]byte("ping\n")); return err }); err != nil {
		return c.State(), err
	}
	got := ""
	for len(got) < len(answer) {
		buf := make([]byte, 100)
		err := w.drive(func() error { n, err := c.Read(buf); got += string(buf[:n]); return err })
		if err != nil {
			return c.State(), fmt.Errorf("after %q: %w (%v)", got, err, errors.Unwrap(err))
		}
	}
	if got != answer {
		return c.State(), fmt.Errorf("answer %q", got)
	}
	return c.State(), w.drive(c.CloseWrite)
}

// endpoint is a client that verifies, and has a certificate to show.
func endpoint(t *testing.T, fingerprint string, key pki.KeyType) backend.Endpoint {
	t.Helper()
	p := pki.New(t)
	e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: fingerprint, ServerName: pki.Host,
		Keys: p.Client(key).Pair(), Common: backend.Common{Anchors: p.Anchors()}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reaches tells whether a ClientHello offers a version.
func reaches(fingerprint string, version uint16) bool {
	_, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: fingerprint, NoVerifyCert: true, Common: backend.Common{MinVersion: version}})
	return err == nil
}

// TestPeers: of 100 handshakes and more that each family makes with each
// kind of server, none fails. Every preset makes one in each job.
func TestPeers(t *testing.T) {
	times := map[string]int{"randomized": 14, "randomized-noalpn:a seed": 14}
	for _, f := range families {
		times[f.name] = 13 // for each of eight jobs
		if !reaches(f.name, backend.TLS13) {
			times[f.name] = 25 // for each of four
		}
	}
	for _, p := range presets {
		times[p.name] = 1
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			for _, j := range jobs() {
				t.Run(j.String(), func(t *testing.T) {
					t.Parallel()
					address := s.start(t, j)
					for name, n := range times {
						if !reaches(name, j.version) {
							continue
						}
						if testing.Short() {
							n = 1
						}
						e := endpoint(t, name, j.key)
						for i := range n {
							state, err := talk(e, address, s.answer)
							if err != nil {
								t.Errorf("%s, handshake %d: %v", name, i, err)
								break
							}
							if state.Version != j.version || state.Peer == nil || state.ALPN != "" || state.Group == "" {
								t.Errorf("%s: %+v", name, state)
							}
						}
					}
				})
			}
		})
	}
}

// TestCompressedCertificate: Chrome and Safari take a certificate in
// compressed form (RFC 8879).
func TestCompressedCertificate(t *testing.T) {
	for _, c := range []struct{ name, method string }{{"chrome", "brotli"}, {"safari", "zlib"}} {
		t.Run(c.method, func(t *testing.T) {
			address := startGnuTLS(t, job{version: backend.TLS13, key: pki.RSA2048, extra: "--compress-cert=" + c.method})
			if _, err := talk(endpoint(t, c.name, pki.P256), address, "ping\n"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestGroups: a server that has but one group, which may cost a
// HelloRetryRequest, and may be any one that is offered.
func TestGroups(t *testing.T) {
	for _, p := range presets {
		spec, _ := p.hello()
		for _, g := range offeredGroups(&spec) {
			for _, v := range []uint16{backend.TLS12, backend.TLS13} {
				if !reaches(p.name, v) || g == tls.X25519MLKEM768 && v == backend.TLS12 {
					continue
				}
				address := listen(t, &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.RSA2048).TLS()}, MaxVersion: v, CurvePreferences: []tls.CurveID{g}})
				if _, err := talk(endpoint(t, p.name, pki.P256), address, "ping\n"); err != nil {
					t.Errorf("%s, %s, %s: %v", p.name, g, tls.VersionName(v), err)
				}
			}
		}
	}
}
