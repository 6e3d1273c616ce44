//go:build openssl && cgo

package openssl

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/mutate"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/backend/openssl/exact"
)

// What C is given with a length. Under the address sanitizer these tests see
// the first byte too many; see Makefile, fuzz.

// mutants calls add with a mutator for each of some inputs, always the same
// ones, that stand beside those by hand wherever the tests run.
func mutants(add func(*mutate.Mutator)) {
	for n := range uint64(100) {
		add(mutate.New(0, n))
	}
}

// FuzzCertificates: of a pair, as anchor, and as what a server presents,
// beside a CRL.
func FuzzCertificates(f *testing.F) {
	p := pki.New(f)
	good := p.Server(pki.P256)
	crl := p.CRL(pki.CRLSpec{Revoked: []*pki.Cert{good}})
	f.Add(good.DER(), p.Intermediate.DER(), p.Root.DER(), crl)
	f.Add(p.Root.DER(), []byte{}, p.Root.DER(), []byte{})
	f.Add([]byte("\x30\x82\xff\xff"), []byte("\x30"), []byte("\x30\x80\x00\x00"), []byte("\x30\x84\x7f\xff\xff\xff"))
	f.Add(good.DER()[:len(good.DER())-1], append(good.DER(), 0), p.BadServer(pki.EmptySubject).DER(), crl[:len(crl)-1])
	f.Add(p.BadServer(pki.Weak).DER(), p.BadServer(pki.UnknownCrit).DER(), p.BadServer(pki.LongSubject).DER(), p.CRL(pki.CRLSpec{Issuer: p.Root}))
	key := good.KeyPKCS8()
	mutants(func(m *mutate.Mutator) {
		f.Add(m.Bytes(good.DER()), m.Bytes(p.Intermediate.DER()), m.Bytes(p.Root.DER()), m.Bytes(crl))
	})
	f.Fuzz(func(t *testing.T, leaf, above, anchor, crl []byte) {
		for _, der := range [][]byte{leaf, above, anchor} {
			exact.Each(t, der, func(der []byte) {
				l, err := load(&backend.KeyPair{Chain: [][]byte{der}, Key: key})
				if err == nil {
					l.free()
				}
				if bytes.Equal(der, good.DER()) && err != nil {
					t.Error(err)
				}
			})
		}
		exact.Each(t, anchor, func(anchor []byte) {
			exact.Each(t, crl, func(crl []byte) {
				for _, lists := range [][][]byte{nil, {crl}} {
					common := backend.Common{Anchors: [][]byte{anchor}, CRLs: lists, MaxVersion: backend.TLS12}
					Backend.NewServer(&backend.ServerConfig{Client: backend.CertOptional, Common: common})
					if e, err := Backend.NewClient(&backend.ClientConfig{ServerName: pki.Host, Common: common}); err == nil {
						hostile(t, e, serverFlight(leaf, above))
					}
				}
			})
		})
	})
}

// serverFlight is a ServerHello of TLS 1.2 and a Certificate.
func serverFlight(chain ...[]byte) []byte {
	var b cryptobyte.Builder
	record := func(kind uint8, body func(*cryptobyte.Builder)) {
		b.AddBytes([]byte{recordHandshake, 3, 3})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint8(kind)
			b.AddUint24LengthPrefixed(body)
		})
	}
	record(2, func(b *cryptobyte.Builder) {
		b.AddUint16(backend.TLS12)
		b.AddBytes(make([]byte, 32))
		b.AddBytes([]byte{0, 0xc0, 0x2b, 0, 0, 5, 0xff, 1, 0, 1, 0}) // no session, ECDHE-ECDSA-AES128-GCM-SHA256, renegotiation_info
	})
	record(11, func(b *cryptobyte.Builder) {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, der := range chain {
				b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(der[:min(len(der), 4000)]) })
			}
		})
	})
	return b.BytesOrPanic()
}

// FuzzKey: a private key, and a guard's public one.
func FuzzKey(f *testing.F) {
	p := pki.New(f)
	for _, k := range []pki.KeyType{pki.P256, pki.RSA2048, pki.Ed25519} {
		c := p.Server(k)
		f.Add(c.KeyPKCS8())
		f.Add(append(c.KeyPKCS8(), 0))
		f.Add(c.X509.RawSubjectPublicKeyInfo)
		f.Add(append(bytes.Clone(c.X509.RawSubjectPublicKeyInfo), 0))
		mutants(func(m *mutate.Mutator) { f.Add(m.Bytes(c.X509.RawSubjectPublicKeyInfo)) })
		if k != pki.Ed25519 {
			legacy, _ := c.KeyLegacy()
			f.Add(legacy)
		}
	}
	f.Add([]byte{})
	f.Add([]byte("\x30\x84\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, der []byte) {
		exact.Each(t, der, func(der []byte) {
			if h, err := Backend.(backend.KeyHolder).HoldKey("key", der); err == nil {
				h.Sign(backend.TLS12, backend.ECDSASHA256, der)
			}
			l := &loaded{}
			l.key, _ = parseKey(&backend.KeyPair{Guard: guard{public: der}}, library(false).fipsMode())
			l.free()
		})
	})
}

// A guard gives what it is told to.
type guard struct{ public, signature []byte }

func (g guard) Public() ([]byte, error)                     { return g.public, nil }
func (g guard) Sign(uint16, uint16, []byte) ([]byte, error) { return g.signature, nil }

// FuzzHello: what the ClientHello callbacks look at, with tickets and protocols.
func FuzzHello(f *testing.F) {
	p := pki.New(f)
	server, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), TicketKeys: [][]byte{bytes.Repeat([]byte{1}, 32)},
		Client: backend.CertOptional, Common: backend.Common{ALPN: []string{"a", "bb"}, Anchors: p.Anchors()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("\x00\x0c\x00\x00\x09a.example"), []byte("\x00\x02\x01a"), []byte("\x01\x01"), make([]byte, 100))
	f.Add([]byte{}, []byte{}, []byte{}, []byte{})
	f.Add([]byte("\x00\x0c\x00\x00\x0aa.example"), []byte("\x00\x03\x02a"), []byte("\x02\x01"), make([]byte, 16))
	f.Add([]byte("\xff\xff"), []byte("\x00\x01\x00"), []byte("\x00"), make([]byte, 15))
	mutants(func(m *mutate.Mutator) {
		f.Add(m.Bytes([]byte("\x00\x0c\x00\x00\x09a.example")), m.Bytes([]byte("\x00\x05\x01a\x02bb")), m.Bytes([]byte("\x02\x00\x01")), m.Bytes(make([]byte, 200)))
	})
	f.Fuzz(func(t *testing.T, sni, alpn, modes, ticket []byte) {
		var b cryptobyte.Builder
		b.AddBytes([]byte{recordHandshake, 3, 1})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint8(1)
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint16(backend.TLS12)
				b.AddBytes(make([]byte, 32))
				b.AddBytes([]byte{0, 0, 2, 0xc0, 0x2b, 1, 0})
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
					b.AddBytes([]byte{0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3, 0, 23, 0, 0}) // P-256, ECDSA with SHA-256, extended_master_secret
					for kind, data := range map[uint16][]byte{0: sni, 16: alpn, 45: modes, 35: ticket} {
						b.AddUint16(kind)
						b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(data[:min(len(data), 3000)]) })
					}
				})
			})
		})
		hostile(t, server, b.BytesOrPanic())
	})
}

// FuzzGuardSignature: the guard's answer is copied into libssl's room, or refused.
func FuzzGuardSignature(f *testing.F) {
	p := pki.New(f)
	kinds := []pki.KeyType{pki.P256, pki.RSA2048, pki.Ed25519}
	most := []int{72, 256, 64}
	for i := range kinds {
		for _, n := range []int{0, 1, most[i] - 1, most[i], most[i] + 1, 70000} {
			f.Add(bytes.Repeat([]byte{1}, n), i, n%2 > 0)
		}
	}
	f.Fuzz(func(t *testing.T, signature []byte, which int, old bool) {
		which = int(uint(which) % uint(len(kinds)))
		c := p.Server(kinds[which])
		pair := c.Pair()
		pair.Key, pair.Guard = nil, guard{c.X509.RawSubjectPublicKeyInfo, signature}
		server, err := Backend.NewServer(&backend.ServerConfig{Default: pair})
		if err != nil {
			t.Fatal(err)
		}
		w := &backendtest.Wire{}
		conn := server.NewConn(w)
		defer conn.Close()
		max := uint16(tls.VersionTLS13)
		if old {
			max = tls.VersionTLS12
		}
		tls.Client(talker{wire: w}, &tls.Config{InsecureSkipVerify: true, MaxVersion: max}).Handshake()
		err = conn.Handshake()
		e, refused := errors.AsType[*backend.Error](err)
		if good := len(signature) > 0 && len(signature) <= most[which]; good != (err == backend.ErrAgain) ||
			len(signature) > most[which] && (!refused || e.Kind != backend.Setup) {
			t.Errorf("%s, a signature of %d bytes: %v", kinds[which], len(signature), err)
		}
	})
}

// A talker is a client's connection, the server's answers to which never come.
type talker struct {
	net.Conn
	wire *backendtest.Wire
}

func (c talker) Read([]byte) (int, error)    { return 0, io.EOF }
func (c talker) Write(p []byte) (int, error) { c.wire.In = append(c.wire.In, p...); return len(p), nil }
