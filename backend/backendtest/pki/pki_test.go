package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
)

func (p *PKI) verify(c *Cert, use x509.ExtKeyUsage, name string) error {
	roots, inter := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(p.Root.X509)
	for _, der := range c.Chain[1:] {
		inter.AddCert(must(x509.ParseCertificate(der)))
	}
	_, err := c.X509.Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, DNSName: name, KeyUsages: []x509.ExtKeyUsage{use}})
	return err
}

func TestGood(t *testing.T) {
	p := New(t)
	for _, k := range KeyTypes {
		server, client := p.Server(k), p.Client(k)
		for _, name := range []string{Host, "127.0.0.1", "[::1]"} {
			if err := p.verify(server, x509.ExtKeyUsageServerAuth, name); err != nil {
				t.Errorf("%s server, %s: %v", k, name, err)
			}
		}
		if err := p.verify(client, x509.ExtKeyUsageClientAuth, ""); err != nil {
			t.Errorf("%s client: %v", k, err)
		}
		if p.Server(k) != server || New(t).Client(k) != client {
			t.Errorf("%s: not the same certificate twice", k)
		}
		cert, key := server.WriteFiles(t, t.TempDir(), "s")
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		if fi, err := os.Stat(key); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", k, fi, err)
		}
		der, label := server.KeyLegacy()
		if (der == nil) != (k == Ed25519) {
			t.Errorf("%s: legacy key %q of %d bytes", k, label, len(der))
		}
		if der != nil {
			if _, err := tls.X509KeyPair(server.ChainPEM(), PEM(label, der)); err != nil {
				t.Errorf("%s: %s: %v", k, label, err)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	p := New(t)
	good := map[Fault]bool{Weak: true, WeakIssuer: true, NoUse: true, NoCRLSign: true, LongSubject: true, EmptySubject: true}
	for _, f := range []Fault{Expired, NotYet, WrongUse, UnknownCA, SelfSigned, WrongName, CNOnly, Wildcard, Weak, SHA1,
		NoChain, FromLeaf, LateIssuer, WeakIssuer, OnlyIP, NoUse, NoCRLSign, UnknownCrit, LongSubject, EmptySubject} {
		c := p.BadServer(f)
		if err := p.verify(c, x509.ExtKeyUsageServerAuth, Host); (err == nil) != good[f] {
			t.Errorf("server, %s: %v", f, err)
		}
		if p.BadServer(f) != c && f != NoChain {
			t.Errorf("server, %s: not the same certificate twice", f)
		}
		nameless := f == WrongName || f == CNOnly || f == Wildcard || f == OnlyIP
		if err := p.verify(p.BadClient(f), x509.ExtKeyUsageClientAuth, ""); (err == nil) != (good[f] || nameless) {
			t.Errorf("client, %s: %v", f, err)
		}
	}
	if n := p.BadServer(Weak).X509.PublicKey; p.BadClient(Weak).X509.PublicKey == nil || n == nil {
		t.Error("no weak key")
	}
}

func TestCRL(t *testing.T) {
	p := New(t)
	lists := p.CRLs(p.Server(P256))
	for i, issuer := range []*Cert{p.Root, p.Intermediate} {
		l, err := x509.ParseRevocationList(lists[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := l.CheckSignatureFrom(issuer.X509); err != nil {
			t.Error(err)
		}
		if len(l.RevokedCertificateEntries) != 1 {
			t.Error("nothing is revoked")
		}
	}
}
