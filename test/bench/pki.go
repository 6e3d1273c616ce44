package main

import (
	"crypto/x509"
	"os"
	"path/filepath"

	"ucspitls/backend/backendtest/pki"
)

const host = pki.Host

// An identity is one self-signed certificate, in the files that the programs want.
type identity struct {
	*pki.Cert
	cert, key, both string // paths: PEM certificate, PKCS#8 key, key and certificate in one
	roots           *x509.CertPool
}

// keyTypes are the kinds of certificate in use.
var keyTypes = map[string]pki.KeyType{"p256": pki.P256, "rsa": pki.RSA2048}

// newIdentity makes a key of the kind and writes it into dir.
func newIdentity(dir, kind string) (*identity, error) {
	c := pki.Shared().Issue(pki.Spec{Name: host, Key: keyTypes[kind], DNS: []string{host}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	id := &identity{
		Cert:  c,
		cert:  filepath.Join(dir, kind+"-cert.pem"),
		key:   filepath.Join(dir, kind+"-key.pem"),
		both:  filepath.Join(dir, kind+".pem"),
		roots: x509.NewCertPool(),
	}
	id.roots.AddCert(c.X509)
	for path, text := range map[string][]byte{id.cert: c.CertPEM(), id.key: c.KeyPEM(), id.both: append(c.KeyPEM(), c.CertPEM()...)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, err
		}
	}
	return id, nil
}
