package main

import (
	"crypto"
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
	"time"
)

const host = "localhost"

// An identity is one self-signed certificate, in the files that the programs want.
type identity struct {
	cert, key, both string // paths: PEM certificate, PKCS#8 key, key and certificate in one
	der, pkcs8      []byte
	roots           *x509.CertPool
}

// keyTypes are the kinds of certificate in use.
var keyTypes = map[string]func() (crypto.Signer, error){
	"p256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"rsa":  func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
}

// newIdentity makes a key of the kind and writes it into dir.
func newIdentity(dir, kind string) (*identity, error) {
	key, err := keyTypes[kind]()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     []string{host},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	id := &identity{
		cert:  filepath.Join(dir, kind+"-cert.pem"),
		key:   filepath.Join(dir, kind+"-key.pem"),
		both:  filepath.Join(dir, kind+".pem"),
		der:   der,
		pkcs8: pkcs8,
		roots: x509.NewCertPool(),
	}
	id.roots.AddCert(cert)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	for path, text := range map[string][]byte{id.cert: certPEM, id.key: keyPEM, id.both: append(keyPEM, certPEM...)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, err
		}
	}
	return id, nil
}
