package cryptotls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	"ucspitls/backend"
)

// A held key is the guard's side of a KeyPair with a Guard.
type held struct {
	key    crypto.Signer
	public []byte
}

// HoldKey implements backend.KeyHolder.
func HoldKey(name string, der []byte) (backend.Signer, error) {
	key, err := privateKey(name, der)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, badKey(name, backend.KeyUnsupported, err)
	}
	return &held{key, public}, nil
}

func (h *held) Public() ([]byte, error) { return h.public, nil }

func (h *held) Sign(version, scheme uint16, message []byte) ([]byte, error) {
	s, ok := schemes[scheme]
	if !ok || !s.fits(version, h.key.Public()) {
		return nil, &backend.Error{Kind: backend.Setup, Reason: "a signature that does not fit the key was asked for"}
	}
	digest := message
	if s.hash != crypto.Hash(0) {
		d := s.hash.New()
		d.Write(message)
		digest = d.Sum(nil)
	}
	return h.key.Sign(rand.Reader, digest, s.options())
}

// A scheme is what a number of RFC 8446, 4.2.3 stands for.
type scheme struct {
	family family
	hash   crypto.Hash    // 0 for Ed25519, which hashes for itself
	curve  elliptic.Curve // of ECDSA, that of TLS 1.3
}

type family int

const (
	pkcs1 family = iota + 1
	pss
	ecdsaFamily
	ed25519Family
)

var schemes = map[uint16]scheme{
	backend.PKCS1SHA256: {pkcs1, crypto.SHA256, nil},
	backend.PKCS1SHA384: {pkcs1, crypto.SHA384, nil},
	backend.PKCS1SHA512: {pkcs1, crypto.SHA512, nil},
	backend.PSSSHA256:   {pss, crypto.SHA256, nil},
	backend.PSSSHA384:   {pss, crypto.SHA384, nil},
	backend.PSSSHA512:   {pss, crypto.SHA512, nil},
	backend.ECDSASHA256: {ecdsaFamily, crypto.SHA256, elliptic.P256()},
	backend.ECDSASHA384: {ecdsaFamily, crypto.SHA384, elliptic.P384()},
	backend.ECDSASHA512: {ecdsaFamily, crypto.SHA512, elliptic.P521()},
	backend.Ed25519:     {ed25519Family, 0, nil},
}

// fits: TLS 1.3 has no PKCS#1 v1.5, and binds the hash of ECDSA to a curve.
func (s scheme) fits(version uint16, public crypto.PublicKey) bool {
	new := version == backend.TLS13
	switch k := public.(type) {
	case *rsa.PublicKey:
		return s.family == pss || s.family == pkcs1 && !new
	case *ecdsa.PublicKey:
		return s.family == ecdsaFamily && (!new || s.curve == k.Curve)
	case ed25519.PublicKey:
		return s.family == ed25519Family
	}
	return false
}

func (s scheme) options() crypto.SignerOpts {
	if s.family == pss {
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	}
	return s.hash
}

// schemeOf is the number for what crypto/tls asks of a key; 0 if there is none.
func schemeOf(public crypto.PublicKey, opts crypto.SignerOpts) uint16 {
	want := scheme{hash: opts.HashFunc()}
	switch public.(type) {
	case *rsa.PublicKey:
		want.family = pkcs1
		if _, ok := opts.(*rsa.PSSOptions); ok {
			want.family = pss
		}
	case *ecdsa.PublicKey:
		want.family = ecdsaFamily
	case ed25519.PublicKey:
		want.family = ed25519Family
	}
	for number, s := range schemes {
		if s.family == want.family && s.hash == want.hash {
			return number
		}
	}
	return 0
}
