package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/resolve/resolvetest"
	lab "ucspitls/test/lab/launch"
	"ucspitls/test/lab/wait"
)

var world *resolvetest.World

func TestMain(m *testing.M) { resolvetest.Main(m, "../..", &world) }

const patience = wait.Patience

// A process is a running s6-tlsserver.
type process struct {
	*lab.Process
	t    *testing.T
	ip   string
	port string
	pki  *pki.PKI
}

// command is s6-tlsserver with a certificate, not yet started.
func command(t *testing.T, opts []string, ip string, prog ...string) lab.Spec {
	t.Helper()
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	p := pki.New(t)
	cert, key := p.Server(pki.P256).WriteFiles(t, dir, "server")
	ca := pki.WriteFile(t, dir, "ca.pem", p.Root.CertPEM())
	os.Chmod(cert, 0o644)
	path := world.Bin + "/s6-tlsserver"
	return lab.Spec{Path: path, Argv: slices.Concat([]string{path, "-1"}, opts, []string{"--", ip, "0"}, prog), Files: map[int]*os.File{0: lab.Null()}, Stdout: true,
		Env: append(os.Environ(), "CERTFILE="+cert, "KEYFILE="+key, "CAFILE="+ca, "TCPREMOTEHOST=stale", "TCPREMOTEINFO=stale", "TCPLOCALHOST=stale", "TCPCONNNUM=stale")}
}

// start runs s6-tlsserver on 127.0.0.1 until the end of the test.
func start(t *testing.T, opts string, prog ...string) *process {
	t.Helper()
	return boot(t, command(t, strings.Fields(opts), "127.0.0.1", prog...), "127.0.0.1")
}

func boot(t *testing.T, s lab.Spec, ip string) *process {
	t.Helper()
	p := &process{Process: lab.Run(t, s), t: t, ip: ip, pki: pki.New(t)}
	p.port, _ = p.Line()
	t.Cleanup(func() {
		p.signal(syscall.SIGABRT)
		wait.For(t, p.Ended, "the end of s6-tlsserver")
	})
	if _, err := strconv.ParseUint(p.port, 10, 16); err != nil {
		t.Fatalf("no port on stdout: %q\n%s", p.port, p.log())
	}
	if filepath.Base(s.Path) != "unshare" { // which has it open too
		wait.For(t, p.Closed, "the end of stdout after the port")
		if out := string(p.Stdout()); out != p.port+"\n" {
			t.Errorf("stdout is %q", out)
		}
	}
	return p
}

func (p *process) log() string { return strings.ReplaceAll(p.Stderr(), "s6-tlsserver: ", "") }

func (p *process) lines() []string {
	lines := strings.SplitAfter(p.log(), "\n")
	return lines[:len(lines)-1]
}

// expect waits for a line with all the words, that starts after the first
// `after` lines, and gives the line and how many lines there were up to it.
func (p *process) expect(after int, words ...string) (line string, n int) {
	p.t.Helper()
	if !wait.Until(patience, func() bool {
		lines := p.lines()
		for n = after; n < len(lines); {
			line = strings.TrimSuffix(lines[n], "\n")
			n++
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				return true
			}
		}
		return false
	}) {
		p.t.Fatalf("no line with %q in\n%s", words, p.log())
	}
	return line, n
}

// exit waits for the end and gives the exit code.
func (p *process) exit() int {
	p.t.Helper()
	wait.For(p.t, p.Ended, "the end of s6-tlsserver")
	return p.Code()
}

func (p *process) signal(sig syscall.Signal) { syscall.Kill(p.Pid, sig) }

func (p *process) config() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(p.pki.Root.X509)
	return &tls.Config{RootCAs: roots, ServerName: pki.Host}
}

// tcp connects without TLS.
func (p *process) tcp() net.Conn {
	p.t.Helper()
	c, err := net.DialTimeout("tcp", net.JoinHostPort(p.ip, p.port), patience)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// dial connects with TLS.
func (p *process) dial() (*tls.Conn, error) {
	d := tls.Dialer{Config: p.config()}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(p.ip, p.port))
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	return c.(*tls.Conn), nil
}

// session is dial for a connection that stays open until the end of the test.
func (p *process) session() *tls.Conn {
	p.t.Helper()
	c, err := p.dial()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log())
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// fetch gives all that prog writes to one connection.
func (p *process) fetch() string {
	p.t.Helper()
	c := p.session()
	b, err := io.ReadAll(c)
	if err != nil && err != io.ErrUnexpectedEOF { // -s: no close_notify
		p.t.Fatalf("%v after %q\n%s", err, b, p.log())
	}
	return string(b)
}

// environment is fetch for a prog that writes its environment.
func (p *process) environment() map[string]string {
	p.t.Helper()
	return resolvetest.Environ(p.fetch())
}
