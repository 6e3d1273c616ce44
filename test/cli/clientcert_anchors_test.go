//go:build linux

package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// Anchors of a client: CADIR wins, each file in it counts.
func TestAnchorsOfAClient(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	for _, c := range []struct {
		name  string
		files map[string][]byte // of CADIR; nil: none
		ca    []byte            // of CAFILE
		good  bool
	}{
		{"CAFILE", nil, p.Root.CertPEM(), true},
		{"CAFILE of another", nil, p.Other.CertPEM(), false},
		{"CADIR", map[string][]byte{"x": p.Root.CertPEM()}, nil, true},
		{"CADIR wins, good", map[string][]byte{"x": p.Root.CertPEM()}, p.Other.CertPEM(), true},
		{"CADIR wins, bad", map[string][]byte{"x": p.Other.CertPEM()}, p.Root.CertPEM(), false},
		{"CADIR .1", map[string][]byte{"0a0b0c0d.0": p.Other.CertPEM(), "0a0b0c0d.1": p.Root.CertPEM()}, nil, true},
		{"CADIR DER beside garbage", map[string][]byte{"a": []byte("text"), "root.der": p.Root.DER(), ".hidden": {0, 1}}, nil, true},
		{"CADIR two in a file", map[string][]byte{"bundle": append(p.Other.CertPEM(), p.Root.CertPEM()...)}, nil, true},
		{"the intermediate is an anchor", nil, p.Intermediate.CertPEM(), true},
		{"the server's own certificate is an anchor", nil, p.Server(pki.P256).CertPEM(), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			base, dir := trusting(t)
			with := []string{"CAFILE", "CADIR"}
			if c.ca != nil {
				with[0] = "CAFILE=" + pki.WriteFile(t, dir, "x", c.ca)
			}
			if c.files != nil {
				sub := filepath.Join(dir, "sub")
				if err := os.Mkdir(sub, 0o755); err != nil {
					t.Fatal(err)
				}
				for name, data := range c.files {
					pki.WriteFile(t, sub, name, data)
				}
				with[1] = "CADIR=" + sub
			}
			x := dialWith(t, spec{program: "s6-tlsc", args: []string{"-k", pki.Host}, env: override(base, with)})
			if c.good {
				a, conn := x.greet("", tls12)
				a.exit(0)
				conn.Close()
				x.expect(0, "")
				return
			}
			if alert := refusedBy(t, x.peer, tls12); alert == "" {
				t.Error("the server got no alert")
			}
			x.peer.Close()
			if code := x.code(); code != 98 || !strings.Contains(x.stderr(), "not signed by a trust anchor") {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// authorities makes a directory such as /etc/ssl/certs: n certificates, two names
// by links for each, and a bundle of them all.
func authorities(t *testing.T, n int) (dir string) {
	t.Helper()
	p := pki.New(t)
	dir = filepath.Join(t.TempDir(), "certs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for i := range n {
		c := p.Root
		if i > 0 {
			c = p.Named(fmt.Sprint("authority ", i), pki.Spec{Name: fmt.Sprint("Authority ", i), CA: true})
		}
		path := pki.WriteFile(t, dir, fmt.Sprintf("Authority_%d.pem", i), c.CertPEM())
		for _, link := range []string{fmt.Sprintf("%08x.0", i), fmt.Sprintf("Authority_%d.crt", i)} {
			if err := os.Symlink(filepath.Base(path), filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c.DER())
	}
	pki.WriteFile(t, dir, "ca-certificates.crt", pki.PEM("CERTIFICATE", all...))
	return dir
}

// A system's directory of anchors is cheap: a file is opened once however many
// names it has, no certificate counts twice, and no note is printed.
func TestASystemsAnchorsAreOpenedOnce(t *testing.T) {
	t.Parallel()
	trace := need.Program(t, "strace", "strace")
	const n = 60
	dir := authorities(t, n)
	base, tmp := trusting(t)
	log := filepath.Join(tmp, "trace")
	peer, sock := network(t)
	p := start(t, spec{program: trace, args: []string{"-f", "-qq", "-e", "trace=openat,open", "-o", log, bin + "/s6-tlsc-io", "-v2", "-k", pki.Host, "6", "7"},
		env: override(base, []string{"CAFILE", "CADIR=" + dir, "TLS_SANDBOX=off"}), files: map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}})
	c := answering(t, peer)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	p.code()
	if out := p.stderr(); strings.Contains(out, "CADIR") {
		t.Errorf("stderr %q", out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if opens := bytes.Count(data, []byte(dir+"/")); opens != n+1 {
		t.Errorf("%d files opened for %d certificates and their bundle", opens, n)
	}
}

// BenchmarkAnchors is a whole client session with one anchor, and with the
// system's directory of them.
func BenchmarkAnchors(b *testing.B) {
	for _, c := range []struct{ name, dir string }{{"one", ""}, {"system", "/etc/ssl/certs"}} {
		b.Run(c.name, func(b *testing.B) {
			env := append(os.Environ(), "CADIR="+c.dir)
			if c.dir == "" {
				env = append(env, "CAFILE="+pki.WriteFile(b, b.TempDir(), "ca.pem", pki.New(b).Root.CertPEM()))
			} else if _, err := os.Stat(c.dir); err != nil {
				need.Package(b, "certificates in "+c.dir, "ca-certificates")
			}
			for b.Loop() {
				cmd := exec.Command(bin+"/s6-tlsc-io", "-v0", "-k", pki.Host, "0", "1") // /dev/null: an EOF in the handshake
				cmd.Env = env
				if cmd.Run(); cmd.ProcessState.ExitCode() != 98 {
					b.Fatalf("exit code %d", cmd.ProcessState.ExitCode())
				}
			}
		})
	}
}
