package material

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

// testKey is one key for all tests of a run.
var testKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

var testRSAKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// makeCert is a self-signed CA certificate.
func makeCert(cn string) []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: cn},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId: []byte{1, 2, 3},
	}
	return must(x509.CreateCertificate(rand.Reader, template, template, &testKey().PublicKey, testKey()))
}

// makeCRL is a CRL of makeCert's key with more extensions.
func makeCRL(extensions ...pkix.Extension) []byte {
	issuer := must(x509.ParseCertificate(makeCert("issuer")))
	return must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
		ExtraExtensions: extensions,
	}, issuer, testKey()))
}

func pkcs8() []byte { return must(x509.MarshalPKCS8PrivateKey(testKey())) }
func sec1() []byte  { return must(x509.MarshalECPrivateKey(testKey())) }
func pkcs1() []byte { return x509.MarshalPKCS1PrivateKey(testRSAKey()) }

func armour(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// A folder is a directory of a test's files.
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
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
