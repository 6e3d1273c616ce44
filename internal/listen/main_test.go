package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/resolve/resolvetest"
)

var world *resolvetest.World

func TestMain(m *testing.M) { resolvetest.Main(m, "../..", &world) }

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// A process is a running s6-tlsserver.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	ip   string
	port string
	pki  *pki.PKI
	done chan error

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with every line
}

// command is s6-tlsserver with a certificate, not yet started.
func command(t *testing.T, opts []string, ip string, prog ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	p := pki.New(t)
	cert, key := p.Server(pki.P256).WriteFiles(t, dir, "server")
	ca := pki.WriteFile(t, dir, "ca.pem", pki.PEM("CERTIFICATE", p.Root.DER()))
	os.Chmod(cert, 0o644)
	args := append([]string{"-1"}, opts...)
	args = append(append(args, "--", ip, "0"), prog...)
	cmd := exec.Command(world.Bin+"/s6-tlsserver", args...)
	cmd.Env = append(os.Environ(), "CERTFILE="+cert, "KEYFILE="+key, "CAFILE="+ca, "TCPREMOTEHOST=stale", "TCPREMOTEINFO=stale", "TCPLOCALHOST=stale", "TCPCONNNUM=stale")
	return cmd
}

// start runs s6-tlsserver on 127.0.0.1 until the end of the test.
func start(t *testing.T, opts string, prog ...string) *process {
	t.Helper()
	return boot(t, command(t, strings.Fields(opts), "127.0.0.1", prog...), "127.0.0.1")
}

func boot(t *testing.T, cmd *exec.Cmd, ip string) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, ip: ip, pki: pki.New(t), done: make(chan error, 1), more: make(chan struct{})}
	stdout, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	stdout.SetReadDeadline(time.Now().Add(patience))
	cmd.Stdout = out
	stderr, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out.Close()
	go p.read(stderr)
	reader := bufio.NewReader(stdout)
	line, _ := reader.ReadString('\n')
	p.port = strings.TrimSuffix(line, "\n")
	if filepath.Base(cmd.Path) != "unshare" { // which has it open too
		if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
			t.Errorf("stdout is not closed after the port: %q, %v", rest, err)
		}
	}
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGABRT)
		select {
		case <-p.done:
		case <-time.After(patience):
			t.Error("s6-tlsserver does not end")
			cmd.Process.Kill()
		}
		if t.Failed() {
			t.Log("stderr:\n" + p.log())
		}
	})
	if _, err := strconv.ParseUint(p.port, 10, 16); err != nil {
		t.Fatalf("no port on stdout: %q\n%s", line, p.log())
	}
	return p
}

func (p *process) read(stderr io.ReadCloser) {
	defer stderr.Close()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, strings.ReplaceAll(lines.Text(), "s6-tlsserver: ", ""))
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// expect waits for a line with all the words, that starts after the first
// `after` lines, and gives the line and how many lines there were up to it.
func (p *process) expect(after int, words ...string) (string, int) {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		lines, more := p.lines, p.more
		p.mu.Unlock()
	line:
		for i := after; i < len(lines); i++ {
			for _, w := range words {
				if !strings.Contains(lines[i], w) {
					continue line
				}
			}
			return lines[i], i + 1
		}
		select {
		case <-more:
		case <-timeout:
			p.t.Fatalf("no line with %q in\n%s", words, p.log())
		}
	}
}

// exit waits for the end and gives the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("s6-tlsserver does not end")
	}
	return -1
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

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
	env := map[string]string{}
	for line := range strings.Lines(p.fetch()) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	return env
}

// waitFor polls for a state that nothing reports.
func waitFor(t *testing.T, done func() bool, what func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}
