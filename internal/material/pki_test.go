package material

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/diag"
	"ucspitls/test/lab/proc"
)

// makeCert is a self-signed CA certificate.
func makeCert(cn string) []byte { return pki.Shared().Issue(pki.Spec{Name: cn, CA: true}).DER() }

// makeCRL is a CRL with more extensions.
func makeCRL(extensions ...pkix.Extension) []byte {
	return pki.Shared().CRL(pki.CRLSpec{Edit: func(l *x509.RevocationList) { l.ExtraExtensions = extensions }})
}

// legacy is one key of a type, for all tests of a run, in the form of that type.
func legacy(k pki.KeyType) []byte {
	der, _ := pki.Shared().Server(k).KeyLegacy()
	return der
}

func pkcs8() []byte { return pki.Shared().Server(pki.P256).KeyPKCS8() }
func sec1() []byte  { return legacy(pki.P256) }
func pkcs1() []byte { return legacy(pki.RSA2048) }

func armour(label string, der []byte) []byte { return pki.PEM(label, der) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// A directory is a directory of a test's files.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) folder { return folder{t, t.TempDir()} }

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

// put writes a file and gives its path.
func (f folder) put(name string, content []byte) string {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), content, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return f.path(name)
}

// wantExit checks the code and the line of an error.
func wantExit(t *testing.T, err error, code int, line string) {
	t.Helper()
	e, ok := err.(*diag.Error)
	if !ok {
		t.Fatalf("error is %T %v, want %d %q", err, err, code, line)
	}
	if e.Code != code || e.Text != line {
		t.Errorf("got  %d %s\nwant %d %s", e.Code, e.Text, code, line)
	}
}

func openServer(t *testing.T, level uint, client backend.CertMode, env ...string) *server {
	t.Helper()
	s, err := Open(Options{Server: true, Environ: env, SNI: level, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.(*server)
}

func openClient(t *testing.T, name string, sendCert, noVerify bool, env ...string) *client {
	t.Helper()
	c, err := Open(Options{Environ: env, ServerName: name, SendCert: sendCert, NoVerifyCert: noVerify})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.(*client)
}

// descriptors counts what this process has open.
func descriptors() int { return len(proc.Descriptors(os.Getpid())) }
