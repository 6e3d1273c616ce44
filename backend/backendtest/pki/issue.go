package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	past   = -time.Hour
	future = 10 * 365 * 24 * time.Hour
)

// Issue makes a certificate. Keys are fresh but for RSA: all certificates of
// one size share the key.
func (p *PKI) Issue(s Spec) *Cert {
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))),
		Subject:      pkix.Name{Country: []string{"XX"}, Organization: []string{"Test"}, CommonName: s.Name},
		NotBefore:    orTime(s.NotBefore, now.Add(past)),
		NotAfter:     orTime(s.NotAfter, now.Add(future)),
		DNSNames:     s.DNS,
		IPAddresses:  s.IP,
		ExtKeyUsage:  s.Use,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if s.CA {
		tmpl.BasicConstraintsValid, tmpl.IsCA = true, true
		tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if s.Edit != nil {
		s.Edit(tmpl)
	}
	c := &Cert{Key: newKey(s.Key), Issuer: s.Issuer}
	parent := tmpl
	if s.Issuer == nil {
		c.Issuer = c
	} else {
		parent = s.Issuer.X509
	}
	der := must(x509.CreateCertificate(rand.Reader, tmpl, parent, c.Key.Public(), c.Issuer.Key))
	c.X509 = must(x509.ParseCertificate(der))
	c.Chain = [][]byte{der}
	if s.Issuer != nil && s.Issuer.Issuer != s.Issuer {
		c.Chain = append(c.Chain, s.Issuer.Chain...)
	}
	return c
}

// CRL makes a list, in DER.
func (p *PKI) CRL(s CRLSpec) []byte {
	now := time.Now()
	if s.Issuer == nil {
		s.Issuer = p.Intermediate
	}
	list := &x509.RevocationList{
		Number:     big.NewInt(now.UnixNano()),
		ThisUpdate: orTime(s.ThisUpdate, now.Add(past)),
		NextUpdate: orTime(s.NextUpdate, now.Add(future)),
	}
	for _, c := range s.Revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.X509.SerialNumber, RevocationTime: list.ThisUpdate})
	}
	if s.Edit != nil {
		s.Edit(list)
	}
	issuer := *s.Issuer.X509
	issuer.KeyUsage |= x509.KeyUsageCRLSign // CreateRevocationList insists; a test may not
	return must(x509.CreateRevocationList(rand.Reader, list, &issuer, s.Issuer.Key))
}

func serverSpec(k KeyType, issuer *Cert) Spec {
	return Spec{
		Name: "test server", Key: k, Issuer: issuer, DNS: []string{Host},
		IP:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func clientSpec(k KeyType, issuer *Cert) Spec {
	return Spec{Name: "test client", Key: k, Issuer: issuer, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

func (p *PKI) bad(role string, f Fault, s Spec) *Cert {
	now := time.Now()
	switch f {
	case Expired:
		s.NotBefore, s.NotAfter = now.Add(-48*time.Hour), now.Add(-24*time.Hour)
	case NotYet:
		s.NotBefore = now.Add(24 * time.Hour)
	case WrongUse:
		if s.Use[0] == x509.ExtKeyUsageServerAuth {
			s.Use = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		} else {
			s.Use = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}
	case UnknownCA:
		s.Issuer = p.Other
	case SelfSigned:
		return p.selfSigned(role, s)
	case WrongName:
		s.DNS, s.IP = []string{"other.example"}, []net.IP{net.IPv4(192, 0, 2, 1)}
	case CNOnly:
		s.Name, s.DNS, s.IP = Host, nil, nil
	case Wildcard:
		s.DNS, s.IP = []string{"*.example.org"}, nil
	case OnlyIP:
		s.DNS, s.IP = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
	case Weak:
		s.Key = RSA1024
	case NoUse:
		s.Use = nil
	case SHA1:
		s.Issuer = p.Named("RSA intermediate", Spec{Name: "RSA Intermediate", Key: RSA2048, CA: true, Issuer: p.Root})
		s.Edit = func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	case NoChain:
		good := p.Named(role+string(P256), s)
		return &Cert{X509: good.X509, Key: good.Key, Chain: good.Chain[:1], Issuer: good.Issuer}
	case FromLeaf:
		s.Issuer = p.Named(role+string(P256), s)
	case LateIssuer:
		s.Issuer = p.Named("late intermediate", Spec{Name: "Late Intermediate", CA: true, Issuer: p.Root,
			NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-24 * time.Hour)})
	case WeakIssuer:
		s.Issuer = p.Named("weak intermediate", Spec{Name: "Weak Intermediate", CA: true, Key: RSA1024, Issuer: p.Root})
	case NoCRLSign:
		s.Issuer = p.Named("intermediate without cRLSign", Spec{Name: "Intermediate without cRLSign", CA: true, Issuer: p.Root,
			Edit: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }})
	case UnknownCrit:
		s.Edit = func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
		}
	case LongSubject:
		s.Name = strings.Repeat("x", 60)
		s.Edit = func(c *x509.Certificate) {
			for range 50 {
				c.Subject.OrganizationalUnit = append(c.Subject.OrganizationalUnit, strings.Repeat("y", 60))
			}
		}
	case EmptySubject:
		s.Edit = func(c *x509.Certificate) { c.Subject = pkix.Name{} }
	default:
		panic("pki: unknown fault " + string(f))
	}
	return p.Named(role+string(f), s)
}

func (p *PKI) selfSigned(role string, s Spec) *Cert {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := role + string(SelfSigned)
	if p.issued[name] == nil {
		p.issued[name] = p.Issue(s)
	}
	return p.issued[name]
}

var (
	rsa1024 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })
	rsa2048 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsa3072 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 3072)) })
)

func newKey(k KeyType) crypto.Signer {
	switch k {
	case "", P256:
		return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	case P384:
		return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	case P521:
		return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	case RSA1024:
		return rsa1024()
	case RSA2048:
		return rsa2048()
	case RSA3072:
		return rsa3072()
	}
	panic("pki: unknown key type " + string(k))
}

func orTime(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("pki: " + err.Error())
	}
	return v
}
