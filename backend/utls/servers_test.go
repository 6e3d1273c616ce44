package utls

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
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
	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
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
	go echoes(l)
	return l.Addr().String()
}

func echoes(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go echo(c)
	}
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
	path := need.Program(t, program, debian)
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
