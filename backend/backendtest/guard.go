package backendtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// A recorder is a guard in this process that notes what it is asked for.
type recorder struct {
	backend.Signer
	signed []signed
	public []byte // in place of the key's, if it is not nil
	err    error  // in place of a signature
	noKey  error  // in place of the public key
}

type signed struct {
	version, scheme uint16
	message         []byte
}

func (r *recorder) Public() ([]byte, error) {
	if r.public != nil || r.noKey != nil {
		return r.public, r.noKey
	}
	return r.Signer.Public()
}

func (r *recorder) Sign(version, scheme uint16, message []byte) ([]byte, error) {
	r.signed = append(r.signed, signed{version, scheme, bytes.Clone(message)})
	if r.err != nil {
		return nil, r.err
	}
	return r.Signer.Sign(version, scheme, message)
}

// guarded is a pair whose key only a guard has.
func (s suite) guarded(t *testing.T, c *pki.Cert) (*backend.KeyPair, *recorder) {
	t.Helper()
	pair := c.Pair()
	key, err := s.Backend.(backend.KeyHolder).HoldKey(pair.KeyName, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	clear(pair.Key) // HoldKey keeps no part of it
	r := &recorder{Signer: key}
	pair.Key, pair.Guard = nil, r
	return pair, r
}

// guard: the key is somewhere else, and signs whole messages.
func (s suite) guard(t *testing.T) {
	if _, ok := s.Backend.(backend.KeyHolder); !ok {
		pair := s.pki.Server(pki.P256).Pair()
		pair.Key, pair.Guard = nil, &recorder{}
		_, err := s.NewServer(&backend.ServerConfig{Default: pair})
		expect(t, err, backend.Config, backend.NoGuard)
		_, err = s.NewClient(&backend.ClientConfig{NoVerifyCert: true, Keys: pair})
		expect(t, err, backend.Config, backend.NoGuard)
		return
	}
	for _, k := range pki.KeyTypes {
		for _, v := range bothVersions {
			t.Run("server "+string(k)+" "+versionName(v), func(t *testing.T) { s.guardedServer(t, k, v) })
			if !s.fork {
				t.Run("client "+string(k)+" "+versionName(v), func(t *testing.T) { s.guardedClient(t, k, v) })
			}
		}
	}
	if s.fork {
		pair, _ := s.guarded(t, s.pki.Client(pki.P256))
		_, err := s.NewClient(&backend.ClientConfig{NoVerifyCert: true, Keys: pair})
		expect(t, err, backend.Config, backend.FingerprintNoGuard)
	}
	t.Run("by name", func(t *testing.T) {
		pair, r := s.guarded(t, s.pki.Server(pki.P384))
		x := s.serve(t, func(c *backend.ServerConfig) {
			c.Keys = func(string) (*backend.KeyPair, error) { return pair, nil }
		}, nil)
		x.connect()
		if len(r.signed) != 1 || !bytes.Equal(x.peer.ConnectionState().PeerCertificates[0].Raw, pair.Chain[0]) {
			t.Errorf("%d signatures", len(r.signed))
		}
	})
	t.Run("refuses", s.guardRefuses)
	t.Run("faults", s.guardFaults)
}

func (s suite) guardedServer(t *testing.T, k pki.KeyType, v uint16) {
	pair, r := s.guarded(t, s.pki.Server(k))
	x := s.serve(t, func(c *backend.ServerConfig) { c.Default, c.MaxVersion = pair, v }, nil)
	x.connect()
	x.echo()
	length := 64 + 34 + 32
	if v == backend.TLS12 {
		length = 64 + 4 + 32 // both randoms, X25519
		if inFIPS {
			length = 64 + 4 + 65 // P-256
		}
	}
	if len(r.signed) != 1 || r.signed[0].version != v || len(r.signed[0].message) != length {
		t.Fatalf("the guard was asked for %d signatures: %+v", len(r.signed), r.signed)
	}
	if v == backend.TLS13 && !bytes.HasPrefix(r.signed[0].message[64:], []byte("TLS 1.3, server CertificateVerify\x00")) {
		t.Errorf("signed %q", r.signed[0].message)
	}
}

func (s suite) guardedClient(t *testing.T, k pki.KeyType, v uint16) {
	pair, r := s.guarded(t, s.pki.Client(k))
	x := s.dial(t, func(c *backend.ClientConfig) { c.Keys = pair }, func(c *tls.Config) {
		c.MaxVersion, c.ClientAuth, c.ClientCAs = v, tls.RequireAndVerifyClientCert, pool(s.pki.Root)
	})
	x.connect()
	x.echo()
	if len(r.signed) != 1 || r.signed[0].version != v {
		t.Fatalf("the guard was asked for %d signatures: %+v", len(r.signed), r.signed)
	}
	if m := r.signed[0].message; v == backend.TLS12 && m[0] != 1 ||
		v == backend.TLS13 && !bytes.HasPrefix(m[64:], []byte("TLS 1.3, client CertificateVerify\x00")) {
		t.Errorf("signed %q", m)
	}
}

// guardRefuses: whatever is asked of it, a key signs with schemes that fit it alone.
func (s suite) guardRefuses(t *testing.T) {
	ecdsaSchemes := []uint16{backend.ECDSASHA256, backend.ECDSASHA384, backend.ECDSASHA512}
	pssSchemes := []uint16{backend.PSSSHA256, backend.PSSSHA384, backend.PSSSHA512}
	good := map[pki.KeyType]map[uint16][]uint16{
		pki.P256:    {backend.TLS12: ecdsaSchemes, backend.TLS13: {backend.ECDSASHA256}},
		pki.P384:    {backend.TLS12: ecdsaSchemes, backend.TLS13: {backend.ECDSASHA384}},
		pki.P521:    {backend.TLS12: ecdsaSchemes, backend.TLS13: {backend.ECDSASHA512}},
		pki.Ed25519: {backend.TLS12: {backend.Ed25519}, backend.TLS13: {backend.Ed25519}},
		pki.RSA2048: {
			backend.TLS12: append([]uint16{backend.PKCS1SHA256, backend.PKCS1SHA384, backend.PKCS1SHA512}, pssSchemes...),
			backend.TLS13: pssSchemes,
		},
	}
	for k, byVersion := range good {
		_, r := s.guarded(t, s.pki.Server(k))
		for v, list := range byVersion {
			fits := map[uint16]bool{}
			for _, scheme := range list {
				fits[scheme] = true
			}
			for scheme := range uint16(0x0900) {
				signature, err := r.Sign(v, scheme, []byte("message"))
				if fits[scheme] != (err == nil) || fits[scheme] != (len(signature) > 0) {
					t.Errorf("%s %s %04x: %v", k, versionName(v), scheme, err)
				}
			}
		}
	}
	holder := s.Backend.(backend.KeyHolder)
	for want, der := range map[backend.Reason][]byte{
		backend.BadKey:         []byte("garbage"),
		backend.KeyUnsupported: pkcs8(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)),
		backend.KeyTooShort:    s.pki.BadServer(pki.Weak).KeyPKCS8(),
	} {
		_, err := holder.HoldKey("KEYFILE: k", der)
		if e := expect(t, err, backend.Config, want); e.Where != "KEYFILE: k" {
			t.Errorf("%v", e)
		}
	}
}

// guardFaults: what is wrong with a guard ends the handshake, or comes before it.
func (s suite) guardFaults(t *testing.T) {
	dead := &backend.Error{Kind: backend.Setup, Reason: "the guard is dead"}
	pair, r := s.guarded(t, s.pki.Server(pki.P256))
	r.noKey = dead
	if _, err := s.NewServer(&backend.ServerConfig{Default: pair}); err != error(dead) {
		t.Errorf("no public key: %v", err)
	}
	r.noKey, r.public = nil, []byte("garbage")
	_, err := s.NewServer(&backend.ServerConfig{Default: pair})
	expect(t, err, backend.Config, backend.BadKey)
	_, other := s.guarded(t, s.pki.Client(pki.P256))
	r.public, _ = other.Public()
	_, err = s.NewServer(&backend.ServerConfig{Default: pair})
	if e := expect(t, err, backend.Config, backend.KeyMismatch); e.Where != pair.KeyName {
		t.Errorf("%v", e)
	}
	if len(r.signed) > 0 {
		t.Error("a signature was asked for")
	}

	for _, v := range bothVersions {
		pair, r := s.guarded(t, s.pki.Server(pki.P256))
		r.err = dead
		s.diesOf(t, dead, s.serve(t, func(c *backend.ServerConfig) { c.Default, c.MaxVersion = pair, v }, nil))
		if s.fork {
			continue
		}
		pair, r = s.guarded(t, s.pki.Client(pki.P256))
		r.err = dead
		s.diesOf(t, dead, s.dial(t, func(c *backend.ClientConfig) { c.Keys = pair },
			func(c *tls.Config) { c.MaxVersion, c.ClientAuth = v, tls.RequireAnyClientCert }))
	}
	// A signature that is none: the peer finds out.
	pair, r = s.guarded(t, s.pki.Server(pki.P256))
	r.Signer = liar{r.Signer}
	x := s.serve(t, func(c *backend.ServerConfig) { c.Default = pair }, nil)
	if err := x.handshake(); err == nil {
		t.Error("the peer took a bad signature")
	}
}

// diesOf is a handshake that the guard's error ends, and the peer hears of it.
func (s suite) diesOf(t *testing.T, dead *backend.Error, x *session) {
	t.Helper()
	err := x.handshake()
	e, ok := errors.AsType[*backend.Error](err)
	if !ok || e.Kind != dead.Kind || e.Reason != dead.Reason || e.Peer || e.Alert == 0 {
		t.Errorf("the handshake ended with %v", err)
		return
	}
	if alert, received := alertIn(x.peerSaw()); !received || alert != e.Alert {
		t.Errorf("said %v, the peer got %s", e, alert)
	}
}

type liar struct{ backend.Signer }

func (l liar) Sign(version, scheme uint16, message []byte) ([]byte, error) {
	return l.Signer.Sign(version, scheme, append(message[:len(message):len(message)], 0))
}
