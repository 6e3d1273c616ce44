// Package verify decides whether a peer's certificate is good, once for all
// backends on crypto/x509: chain, dates, use, name, key sizes, revocation.
package verify

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"ucspitls/backend"
	"ucspitls/backend/hostname"
)

// A Verifier holds trust anchors and CRLs. It is immutable.
type Verifier struct {
	anchors map[string][][]byte // DER by raw subject
	names   int                 // bytes of all subjects, as a CertificateRequest lists them
	crls    []*x509.RevocationList
	now     func() time.Time
}

// New takes the anchors, CRLs and clock of c. Anchors are not parsed yet but
// for their subjects, so that a system's whole bundle costs next to nothing;
// one in which no subject can be found is an *Error of kind Config.
func New(c *backend.Common) (*Verifier, error) {
	v := &Verifier{anchors: make(map[string][][]byte, len(c.Anchors)), now: c.Time}
	if v.now == nil {
		v.now = time.Now
	}
	for _, der := range c.Anchors {
		subject, ok := rawSubject(der)
		if !ok {
			return nil, &backend.Error{Kind: backend.Config, Reason: backend.BadAnchor}
		}
		same := v.anchors[subject]
		if slices.ContainsFunc(same, func(a []byte) bool { return bytes.Equal(a, der) }) {
			continue
		}
		v.anchors[subject] = append(same, der)
		v.names += 2 + len(subject)
	}
	for _, der := range c.CRLs {
		list, err := parseCRL(der)
		if err != nil {
			return nil, err
		}
		v.crls = append(v.crls, list)
	}
	return v, nil
}

// NamesLen is the length of the list of anchor names in a CertificateRequest.
func (v *Verifier) NamesLen() int { return v.names }

// Pool parses every anchor, for a server that lets its library verify.
func (v *Verifier) Pool() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, ders := range v.anchors {
		for _, der := range ders {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, &backend.Error{Kind: backend.Config, Reason: backend.BadAnchor, Err: err}
			}
			pool.AddCert(c)
		}
	}
	return pool, nil
}

// Peer verifies what a peer presented, leaf first, for use and, unless it is
// empty, for name, a host name or an IP address. The error is an *Error of
// kind Handshake, without an alert.
func (v *Verifier) Peer(presented []*x509.Certificate, use x509.ExtKeyUsage, name string) error {
	if len(presented) == 0 {
		return refuse(backend.NoPeerCert, nil)
	}
	chains, err := presented[0].Verify(options(v.candidates(presented), presented[1:], use, v.now()))
	if err != nil {
		return v.Explain(err, presented, use)
	}
	if name != "" {
		if err := presented[0].VerifyHostname(name); err != nil {
			return refuse(backend.PeerName, err)
		}
		if isByTopLevel(presented[0], name) {
			return refuse(backend.PeerName, errTopLevel)
		}
	}
	return v.Policy(chains)
}

var errTopLevel = errors.New("a wildcard for a whole top-level domain")

// isByTopLevel reports whether a name that a certificate has is a host's which it has
// by a wildcard for a whole top-level domain alone: that is nobody's to have.
func isByTopLevel(c *x509.Certificate, name string) bool {
	name = hostname.Lower(strings.TrimSuffix(name, "."))
	_, parent, ok := strings.Cut(name, ".")
	if !ok || strings.Contains(parent, ".") {
		return false
	}
	wild := false
	for _, n := range c.DNSNames {
		switch hostname.Lower(strings.TrimSuffix(n, ".")) {
		case name:
			return false
		case "*." + parent:
			wild = true
		}
	}
	return wild
}

// Policy checks what crypto/x509 does not: RSA key sizes, name constraints on
// subjects, and CRLs. One chain
// that is good suffices; otherwise the first one's fault is reported.
func (v *Verifier) Policy(chains [][]*x509.Certificate) error {
	var first error
	for _, chain := range chains {
		err := v.policy(chain)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = refuse(backend.PeerUntrusted, nil)
	}
	return first
}

func (v *Verifier) policy(chain []*x509.Certificate) error {
	for _, c := range chain {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < backend.MinRSA {
			return refuse(backend.PeerWeak, nil)
		}
	}
	if !withinConstraints(chain) {
		return refuse(backend.PeerBadChain, nil)
	}
	if len(v.crls) == 0 {
		return nil
	}
	for i, c := range chain[:len(chain)-1] {
		if err := v.revocation(c, chain[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func options(anchors, others []*x509.Certificate, use x509.ExtKeyUsage, at time.Time) x509.VerifyOptions {
	o := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{use},
	}
	for _, c := range anchors {
		o.Roots.AddCert(c)
	}
	for _, c := range others {
		o.Intermediates.AddCert(c)
	}
	return o
}

// candidates are the anchors that a chain from the presented certificates can
// end in: an issuer of one of them, or one of them itself. One that
// crypto/x509 can't parse can't be used.
func (v *Verifier) candidates(presented []*x509.Certificate) []*x509.Certificate {
	var found []*x509.Certificate
	var seen []string
	for _, p := range presented {
		for _, subject := range [...]string{string(p.RawIssuer), string(p.RawSubject)} {
			if len(v.anchors[subject]) == 0 || slices.Contains(seen, subject) {
				continue
			}
			seen = append(seen, subject)
			for _, der := range v.anchors[subject] {
				if c, err := x509.ParseCertificate(der); err == nil {
					found = append(found, c)
				}
			}
		}
	}
	return found
}

// rawSubject finds the subject of a certificate (RFC 5280, 4.1) without
// looking at anything else in it.
func rawSubject(der []byte) (string, bool) {
	input := cryptobyte.String(der)
	var cert, tbs, subject cryptobyte.String
	ok := input.ReadASN1(&cert, asn1.SEQUENCE) && input.Empty() &&
		cert.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serial
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		tbs.SkipASN1(asn1.SEQUENCE) && // validity
		tbs.ReadASN1Element(&subject, asn1.SEQUENCE)
	return string(subject), ok
}

func refuse(r backend.Reason, err error) *backend.Error {
	return &backend.Error{Kind: backend.Handshake, Reason: r, Err: err}
}
