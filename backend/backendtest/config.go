package backendtest

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// config: what is wrong is found before a peer is there, and named.
func (s suite) config(t *testing.T) {
	good := s.pki.Server(pki.P256)
	for _, c := range []struct {
		name string
		edit func(*backend.KeyPair)
		key  bool // the key's words, not the certificate's
		want backend.Reason
	}{
		{"no chain", func(p *backend.KeyPair) { p.Chain = nil }, false, backend.BadCertificate},
		{"garbage certificate", func(p *backend.KeyPair) { p.Chain[0] = []byte("garbage") }, false, backend.BadCertificate},
		{"garbage intermediate", func(p *backend.KeyPair) { p.Chain[1] = []byte("garbage") }, false, backend.BadCertificate},
		{"cut certificate", func(p *backend.KeyPair) { p.Chain[0] = p.Chain[0][:100] }, false, backend.BadCertificate},
		{"no key", func(p *backend.KeyPair) { p.Key = nil }, true, backend.BadKey},
		{"garbage key", func(p *backend.KeyPair) { p.Key = []byte("garbage") }, true, backend.BadKey},
		{"another key", func(p *backend.KeyPair) { p.Key = s.pki.Client(pki.P256).KeyPKCS8() }, true, backend.KeyMismatch},
		{"a key of another type", func(p *backend.KeyPair) { p.Key = s.pki.Server(pki.Ed25519).KeyPKCS8() }, true, backend.KeyMismatch},
		{"RSA-1024", func(p *backend.KeyPair) { *p = *s.pki.BadServer(pki.Weak).Pair() }, false, backend.KeyTooShort},
		{"P-224", func(p *backend.KeyPair) { p.Key = pkcs8(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)) }, true, backend.KeyUnsupported},
		{"X25519", func(p *backend.KeyPair) { p.Key = pkcs8(ecdh.X25519().GenerateKey(rand.Reader)) }, true, backend.KeyUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := good.Pair()
			c.edit(p)
			where := p.CertName
			if c.key {
				where = p.KeyName
			}
			_, err := s.NewServer(&backend.ServerConfig{Default: p})
			if e := expect(t, err, backend.Config, c.want); e.Where != where {
				t.Errorf("server: %v, want %s", e, where)
			}
			_, err = s.NewClient(&backend.ClientConfig{NoVerifyCert: true, Keys: p})
			if e := expect(t, err, backend.Config, c.want); e.Where != where {
				t.Errorf("client: %v, want %s", e, where)
			}
		})
	}
	s.partialCRLs(t)
	for _, c := range []struct {
		name string
		edit func(*backend.Common)
		want backend.Reason
	}{
		{"no anchor", func(c *backend.Common) { c.Anchors = nil }, backend.NoAnchor},
		{"garbage anchor", func(c *backend.Common) { c.Anchors = [][]byte{[]byte("garbage")} }, backend.BadAnchor},
		{"garbage CRL", func(c *backend.Common) { c.CRLs = [][]byte{[]byte("garbage")} }, backend.BadCRL},
		{"TLS 1.1", func(c *backend.Common) { c.MinVersion = 0x0302 }, backend.BadVersions},
		{"TLS 1.4", func(c *backend.Common) { c.MaxVersion = 0x0305 }, backend.BadVersions},
		{"versions the wrong way round", func(c *backend.Common) { c.MinVersion, c.MaxVersion = backend.TLS13, backend.TLS12 }, backend.BadVersions},
		{"empty protocol", func(c *backend.Common) { c.ALPN = []string{"a", ""} }, backend.BadALPN},
		{"long protocol", func(c *backend.Common) { c.ALPN = []string{strings.Repeat("x", 256)} }, backend.BadALPN},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := &backend.ServerConfig{Client: backend.CertMandatory, Default: good.Pair(), Common: backend.Common{Anchors: s.pki.Anchors()}}
			c.edit(&server.Common)
			_, err := s.NewServer(server)
			expect(t, err, backend.Config, c.want)
			client := &backend.ClientConfig{Common: backend.Common{Anchors: s.pki.Anchors()}}
			c.edit(&client.Common)
			_, err = s.NewClient(client)
			expect(t, err, backend.Config, c.want)
		})
	}
	for _, name := range []string{"a b", "-a.example", "a..example", ".", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "ex\x00ample", "é.example", strings.Repeat("a", 64)} {
		_, err := s.NewClient(&backend.ClientConfig{ServerName: name, NoVerifyCert: true})
		if e, ok := errors.AsType[*backend.Error](err); !ok || e.Reason != backend.BadServerName || e.Kind != backend.Config {
			t.Errorf("server name %q: %v", name, err)
		}
	}
	_, err := s.NewServer(&backend.ServerConfig{Client: 3, Default: good.Pair()})
	expect(t, err, backend.Config, backend.BadMode)
}

func pkcs8[K any](key K, err error) []byte {
	if err == nil {
		var der []byte
		if der, err = x509.MarshalPKCS8PrivateKey(key); err == nil {
			return der
		}
	}
	panic(err)
}
