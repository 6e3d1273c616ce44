package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"ucspitls/backend"
)

// DER is the certificate alone.
func (c *Cert) DER() []byte { return c.X509.Raw }

// CertPEM is the certificate alone, ChainPEM what a peer presents.
func (c *Cert) CertPEM() []byte  { return PEM("CERTIFICATE", c.DER()) }
func (c *Cert) ChainPEM() []byte { return PEM("CERTIFICATE", c.Chain...) }

// KeyPEM is the key as PKCS#8 in PEM.
func (c *Cert) KeyPEM() []byte { return PEM("PRIVATE KEY", c.KeyPKCS8()) }

// KeyPKCS8 is the key as PKCS#8 in DER. The caller may overwrite it.
func (c *Cert) KeyPKCS8() []byte { return must(x509.MarshalPKCS8PrivateKey(c.Key)) }

// KeyLegacy is the key in the form of its own type, in DER, and the PEM label
// of that form: PKCS#1 or SEC1; nil for Ed25519, which has none.
func (c *Cert) KeyLegacy() (der []byte, label string) {
	switch k := c.Key.(type) {
	case *rsa.PrivateKey:
		return x509.MarshalPKCS1PrivateKey(k), "RSA PRIVATE KEY"
	case *ecdsa.PrivateKey:
		return must(x509.MarshalECPrivateKey(k)), "EC PRIVATE KEY"
	}
	return nil, ""
}

// Pair is the chain and the key as a backend gets them. Nothing is shared
// with another call.
func (c *Cert) Pair() *backend.KeyPair {
	p := &backend.KeyPair{Key: c.KeyPKCS8(), CertName: "CERTFILE: cert.pem", KeyName: "KEYFILE: key.pem"}
	for _, der := range c.Chain {
		p.Chain = append(p.Chain, bytes.Clone(der))
	}
	return p
}

// TLS is the chain and the key for a crypto/tls peer.
func (c *Cert) TLS() tls.Certificate {
	return tls.Certificate{Certificate: c.Chain, PrivateKey: c.Key, Leaf: c.X509}
}

// WriteFiles writes NAME.pem, the chain, and NAME.key into dir and gives
// both paths.
func (c *Cert) WriteFiles(t testing.TB, dir, name string) (certFile, keyFile string) {
	t.Helper()
	return WriteFile(t, dir, name+".pem", c.ChainPEM()), WriteFile(t, dir, name+".key", c.KeyPEM())
}

// WriteFile writes one file, mode 0600, and gives its path.
func WriteFile(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// PEM is a sequence of blocks with one label: "CERTIFICATE", "X509 CRL" ...
func PEM(label string, ders ...[]byte) []byte {
	var b []byte
	for _, der := range ders {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})...)
	}
	return b
}
