//go:build linux

// Package install has the test of make install.
package install

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
)

const patience = 30 * time.Second

// makes runs a target of the project's Makefile with this prefix.
func makes(t *testing.T, target, prefix string) {
	t.Helper()
	cmd := exec.Command("make", "-s", "-C", "../..", target, "PREFIX="+prefix)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
}

// TestInstallOverARunningService: while the programs are installed again and again,
// with clients at work, no connection fails and there is always a whole program.
func TestInstallOverARunningService(t *testing.T) {
	prefix := t.TempDir()
	makes(t, "install", prefix)
	bin := filepath.Join(prefix, "bin")
	before := listing(t, prefix)

	p := pki.New(t)
	cert, key := p.Server(pki.P256).WriteFiles(t, t.TempDir(), "server")
	for _, extra := range []string{"TLS_KEYGUARD=", "TLS_KEYGUARD=1"} {
		address := serve(t, filepath.Join(bin, "s6-tlsserver"), "CERTFILE="+cert, "KEYFILE="+key, extra)
		var clients sync.WaitGroup
		stop := make(chan struct{})
		done := make(chan int, 4)
		for range 4 {
			clients.Go(func() { done <- visits(t, address, p, stop) })
		}
		for range 2 {
			makes(t, "install", prefix)
		}
		close(stop)
		clients.Wait()
		for range 4 {
			if n := <-done; n < 3 {
				t.Errorf("%s: a client had %d connections", extra, n)
			}
		}
	}
	if after := listing(t, prefix); after != before {
		t.Errorf("installed again:\n%s\nbefore:\n%s", after, before)
	}
	makes(t, "uninstall", prefix)
	if left := listing(t, prefix); left != "" {
		t.Errorf("left over:\n%s", left)
	}
}

// serve starts a listener and gives its address.
func serve(t *testing.T, program string, env ...string) string {
	t.Helper()
	cmd := exec.Command(program, "-1", "-H", "127.0.0.1", "0", "echo", "hello")
	cmd.Env = append(os.Environ(), env...)
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGABRT)
		cmd.Wait()
		said.Close()
		if text, _ := os.ReadFile(said.Name()); t.Failed() {
			t.Logf("%s", text)
		}
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no port: %v", err)
	}
	return "127.0.0.1:" + strings.TrimSpace(port)
}

// visits connects until it is told to stop, and gives how often.
func visits(t *testing.T, address string, p *pki.PKI, stop <-chan struct{}) (n int) {
	for ; ; n++ {
		select {
		case <-stop:
			return n
		default:
		}
		if err := visit(address, p); err != nil {
			t.Errorf("after %d connections: %v", n, err)
			return n
		}
	}
}

// visit is one connection.
func visit(address string, p *pki.PKI) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.Root.CertPEM())
	raw, err := (&tls.Dialer{Config: &tls.Config{ServerName: pki.Host, RootCAs: roots}}).Dial("tcp", address)
	if err != nil {
		return err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(patience))
	text, err := io.ReadAll(raw)
	if err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	if string(text) != "hello\n" {
		return fmt.Errorf("got %q", text)
	}
	return nil
}

// listing is every file below dir, with its mode.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintln(&list, info.Mode(), strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}
