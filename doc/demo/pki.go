package main

import (
	"crypto/x509"
	"os"
	"path/filepath"

	"ucspitls/backend/backendtest/pki"
)

const serverName = "mail.example"

// makeCertificates writes cert.pem and key.pem for serverName into dir and
// gives the throw-away authority that signed it, whose key is forgotten.
func makeCertificates(dir string) (*x509.CertPool, error) {
	p := pki.Shared()
	server := p.Issue(pki.Spec{Name: serverName, Issuer: p.Root, DNS: []string{serverName}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	for name, text := range map[string][]byte{"cert.pem": server.ChainPEM(), "key.pem": server.KeyPEM()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(p.Root.X509)
	return pool, nil
}
