package cryptotls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"

	"ucspitls/backend"
)

// ParsePair checks everything about a pair that can be wrong.
func ParsePair(p *backend.KeyPair) (*tls.Certificate, error) {
	if len(p.Chain) == 0 {
		return nil, badKey(p.CertName, backend.BadCertificate, nil)
	}
	cert := &tls.Certificate{Certificate: p.Chain}
	for i, der := range p.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, badKey(p.CertName, backend.BadCertificate, err)
		}
		if i == 0 {
			cert.Leaf = c
		}
	}
	if r := unusable(cert.Leaf.PublicKey); r != "" {
		return nil, badKey(p.CertName, r, nil)
	}
	var key crypto.Signer
	var err error
	if p.Guard != nil {
		key, err = guarded(p)
	} else {
		key, err = privateKey(p.KeyName, p.Key)
	}
	if err != nil {
		return nil, err
	}
	if k, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !k.Equal(cert.Leaf.PublicKey) {
		return nil, badKey(p.KeyName, backend.KeyMismatch, nil)
	}
	cert.PrivateKey = key
	return cert, nil
}

// guarded is a key that somebody else holds, and has checked.
func guarded(p *backend.KeyPair) (crypto.Signer, error) {
	der, err := p.Guard.Public()
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, badKey(p.KeyName, backend.BadKey, err)
	}
	return &guardedKey{public: public, guard: p.Guard}, nil
}

// privateKey reads a key that TLS can use.
func privateKey(name string, der []byte) (crypto.Signer, error) {
	key, err := parseKey(der)
	if err != nil {
		return nil, badKey(name, backend.BadKey, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, badKey(name, backend.KeyUnsupported, nil)
	}
	if r := unusable(signer.Public()); r != "" {
		return nil, badKey(name, r, nil)
	}
	return signer, nil
}

// badKey is the error for a key or a certificate.
func badKey(where string, r backend.Reason, err error) error {
	return &backend.Error{Kind: backend.Config, Where: where, Reason: r, Err: err}
}

// parseKey tries the three forms; the error is the one for PKCS#8.
func parseKey(der []byte) (any, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, err
}

func unusable(public any) backend.Reason {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return ""
	case *rsa.PublicKey:
		if k.N.BitLen() < backend.MinRSA {
			return backend.KeyTooShort
		}
		return ""
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return ""
		}
	}
	return backend.KeyUnsupported
}
