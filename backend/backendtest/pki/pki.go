// Package pki makes the certificates of the tests, in memory. Most calls hand
// out the same certificate for the length of a test process, so that keys are
// made once.
package pki

import (
	"crypto"
	"crypto/x509"
	"net"
	"sync"
	"testing"
	"time"
)

// Host is the name that the servers' certificates are for; they hold
// 127.0.0.1 and ::1 too.
const Host = "localhost"

// A KeyType is the kind of a private key.
type KeyType string

const (
	P256    KeyType = "P-256"
	P384    KeyType = "P-384"
	P521    KeyType = "P-521"
	Ed25519 KeyType = "Ed25519"
	RSA1024 KeyType = "RSA-1024" // too short: everybody refuses it
	RSA2048 KeyType = "RSA-2048"
	RSA3072 KeyType = "RSA-3072"
)

// KeyTypes is every type that a backend must accept.
var KeyTypes = []KeyType{P256, P384, P521, Ed25519, RSA2048, RSA3072}

// A PKI is a root, an intermediate below it, and a root of somebody else.
type PKI struct {
	Root, Intermediate, Other *Cert

	mu     sync.Mutex
	issued map[string]*Cert
}

// A Cert is a certificate with its private key and the chain that a peer
// presents: itself and what stands between it and the root. A root's chain
// is itself.
type Cert struct {
	X509   *x509.Certificate
	Key    crypto.Signer
	Chain  [][]byte // DER, leaf first
	Issuer *Cert    // itself when self-signed
}

// Shared is [New] for what is no test.
var Shared = sync.OnceValue(func() *PKI {
	p := &PKI{issued: map[string]*Cert{}}
	p.Root = p.Issue(Spec{Name: "Test Root", CA: true})
	p.Intermediate = p.Issue(Spec{Name: "Test Intermediate", CA: true, Issuer: p.Root})
	p.Other = p.Issue(Spec{Name: "Somebody's Root", CA: true})
	return p
})

// New gives the PKI of this test process.
func New(t testing.TB) *PKI {
	t.Helper()
	return Shared()
}

// Server is a good certificate of a server: for [Host] and the loopback
// addresses, from the intermediate.
func (p *PKI) Server(k KeyType) *Cert { return p.Named("server "+string(k), serverSpec(k, nil)) }

// Client is a good certificate of a client, from the intermediate.
func (p *PKI) Client(k KeyType) *Cert { return p.Named("client "+string(k), clientSpec(k, nil)) }

// A Fault is what is wrong with a certificate.
type Fault string

const (
	Expired      Fault = "expired"
	NotYet       Fault = "not yet valid"
	WrongUse     Fault = "wrong use"   // a server's has only clientAuth, a client's only serverAuth
	UnknownCA    Fault = "unknown CA"  // from Other, which is no anchor
	SelfSigned   Fault = "self-signed" // nobody's anchor
	WrongName    Fault = "wrong name"  // for other.example
	CNOnly       Fault = "CN only"     // Host stands in the subject, and there are no SANs
	Wildcard     Fault = "wildcard"    // *.example.org; a fault for every other name
	Weak         Fault = "weak"        // RSA-1024
	SHA1         Fault = "SHA-1"       // signed with SHA-1, by an RSA intermediate
	NoChain      Fault = "no chain"    // good, but the intermediate is not presented
	FromLeaf     Fault = "from a leaf" // issued by a certificate that is no CA
	LateIssuer   Fault = "late issuer" // issued by an intermediate that has expired
	WeakIssuer   Fault = "weak issuer" // issued by an intermediate with RSA-1024
	OnlyIP       Fault = "only IP"     // for 127.0.0.1, no names
	NoUse        Fault = "no use"      // no extended key usage: good for everything
	NoCRLSign    Fault = "no cRLSign"  // from an intermediate that may not sign CRLs
	UnknownCrit  Fault = "critical"    // has a critical extension that nobody knows
	LongSubject  Fault = "long subject"
	EmptySubject Fault = "empty subject" // the name is in a critical SAN
)

// BadServer is a server's certificate with one fault; BadClient a client's.
func (p *PKI) BadServer(f Fault) *Cert { return p.bad("server ", f, serverSpec(P256, nil)) }
func (p *PKI) BadClient(f Fault) *Cert { return p.bad("client ", f, clientSpec(P256, nil)) }

// A Spec is what [PKI.Issue] makes. The zero value of a field is the usual thing.
type Spec struct {
	Name                string    // the subject's CN
	Key                 KeyType   // zero: P256
	Issuer              *Cert     // nil: self-signed
	CA                  bool      // may issue
	DNS                 []string  // SANs
	IP                  []net.IP  // SANs
	NotBefore, NotAfter time.Time // zero: an hour ago, ten years from now
	Use                 []x509.ExtKeyUsage
	Edit                func(*x509.Certificate) // changes the template before it is signed
}

// CRLSpec is what [PKI.CRL] makes.
type CRLSpec struct {
	Issuer                 *Cert // nil: the intermediate
	Revoked                []*Cert
	ThisUpdate, NextUpdate time.Time // zero: an hour ago, in ten years
	Edit                   func(*x509.RevocationList)
}

// Anchors is the set of trust anchors of most tests: the root.
func (p *PKI) Anchors() [][]byte { return [][]byte{p.Root.DER()} }

// CRLs is a current list for the root and the intermediate, on which the
// given certificates stand.
func (p *PKI) CRLs(revoked ...*Cert) [][]byte {
	return [][]byte{
		p.CRL(CRLSpec{Issuer: p.Root, Revoked: revoked}),
		p.CRL(CRLSpec{Issuer: p.Intermediate, Revoked: revoked}),
	}
}

// Named is Issue, once per process and name.
func (p *PKI) Named(name string, s Spec) *Cert {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.issued[name]; c != nil {
		return c
	}
	if s.Issuer == nil && !s.CA {
		s.Issuer = p.Intermediate
	}
	c := p.Issue(s)
	p.issued[name] = c
	return c
}
