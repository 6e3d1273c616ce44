package verify

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

func newVerifier(t testing.TB, anchors, crls [][]byte) *Verifier {
	t.Helper()
	v, err := New(&backend.Common{Anchors: anchors, CRLs: crls})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func presented(t testing.TB, chain ...[]byte) (certs []*x509.Certificate) {
	t.Helper()
	for _, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	return certs
}

func reasonOf(t *testing.T, err error) backend.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*backend.Error](err)
	if !ok || e.Kind != backend.Handshake || e.Alert != 0 {
		t.Fatalf("%#v", err)
	}
	return e.Reason
}

func TestPeer(t *testing.T) {
	p := pki.New(t)
	const server, client = x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	good := p.Server(pki.P256)
	selfSigned := p.BadServer(pki.SelfSigned)
	weakRoot := p.Named("weak root", pki.Spec{Name: "Weak Root", Key: pki.RSA1024, CA: true})
	underWeakRoot := p.Named("under weak root", pki.Spec{Name: "x", Issuer: weakRoot})
	limited := p.Named("path length 0", pki.Spec{Name: "Path Length 0", CA: true, Issuer: p.Root, Edit: func(c *x509.Certificate) { c.MaxPathLenZero = true }})
	below := p.Named("below path length 0", pki.Spec{Name: "Below", CA: true, Issuer: limited})
	lateRoot := p.Named("late root", pki.Spec{Name: "Late Root", CA: true, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	soonRoot := p.Named("soon root", pki.Spec{Name: "Soon Root", CA: true, NotBefore: time.Now().Add(time.Hour)})
	for _, c := range []struct {
		name    string
		cert    *pki.Cert
		use     x509.ExtKeyUsage
		host    string
		anchors []*pki.Cert
		want    backend.Reason
	}{
		{"good", good, server, pki.Host, []*pki.Cert{p.Root}, ""},
		{"no name", good, server, "", []*pki.Cert{p.Root}, ""},
		{"used as a client's", good, client, "", []*pki.Cert{p.Root}, backend.PeerPurpose},
		{"no anchors at all", good, server, "", nil, backend.PeerUntrusted},
		{"self-signed anchor", selfSigned, server, pki.Host, []*pki.Cert{selfSigned}, ""},
		{"leaf as an anchor", good, server, pki.Host, []*pki.Cert{good}, ""},
		{"a weak root counts", underWeakRoot, server, "", []*pki.Cert{weakRoot}, backend.PeerWeak},
		{"a weak root is passed by", underWeakRoot, server, "", []*pki.Cert{weakRoot, underWeakRoot}, ""},
		{"too long a path", p.Issue(pki.Spec{Name: "x", Issuer: below}), server, "", []*pki.Cert{p.Root}, backend.PeerBadChain},
		{"expired root", p.Issue(pki.Spec{Name: "x", Issuer: lateRoot}), server, "", []*pki.Cert{lateRoot}, backend.PeerExpired},
		{"future root", p.Issue(pki.Spec{Name: "x", Issuer: soonRoot}), server, "", []*pki.Cert{soonRoot}, backend.PeerNotYet},
		{"late issuer", p.BadServer(pki.LateIssuer), server, "", []*pki.Cert{p.Root}, backend.PeerExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			var anchors [][]byte
			for _, a := range c.anchors {
				anchors = append(anchors, a.DER())
			}
			err := newVerifier(t, anchors, nil).Peer(presented(t, c.cert.Chain...), c.use, c.host)
			if r := reasonOf(t, err); r != c.want {
				t.Errorf("%q, want %q (%v)", r, c.want, errors.Unwrap(err))
			}
		})
	}
	if r := reasonOf(t, newVerifier(t, p.Anchors(), nil).Peer(nil, server, "")); r != backend.NoPeerCert {
		t.Errorf("no certificate: %q", r)
	}
}

// An issuer that is out of date is what is wrong, although another candidate
// of the same name, which signed nothing, comes after it.
func TestHiddenExpiry(t *testing.T) {
	p := pki.New(t)
	leaf := p.BadServer(pki.LateIssuer)
	namesake := p.Named("namesake", pki.Spec{Name: leaf.Issuer.X509.Subject.CommonName, CA: true, Issuer: p.Root})
	dangling := p.Named("dangling", pki.Spec{Name: leaf.Issuer.X509.Subject.CommonName, CA: true, Issuer: p.Other})
	for _, chain := range [][][]byte{
		{leaf.DER(), leaf.Issuer.DER(), namesake.DER()},
		{leaf.DER(), namesake.DER(), leaf.Issuer.DER()},
		{leaf.DER(), leaf.Issuer.DER(), dangling.DER()},
	} {
		if r := reasonOf(t, newVerifier(t, p.Anchors(), nil).Peer(presented(t, chain...), x509.ExtKeyUsageServerAuth, "")); r != backend.PeerExpired {
			t.Errorf("%q", r)
		}
	}
	// The same error from crypto/x509 where nothing is out of date.
	v := newVerifier(t, p.Anchors(), nil)
	for cert, want := range map[*pki.Cert]backend.Reason{leaf: backend.PeerExpired, p.BadServer(pki.UnknownCA): backend.PeerUntrusted} {
		certs := presented(t, cert.Chain...)
		if e := v.Explain(x509.UnknownAuthorityError{Cert: certs[0]}, certs, x509.ExtKeyUsageServerAuth); e.Reason != want {
			t.Errorf("%q, want %q", e.Reason, want)
		}
	}
}

// One good chain suffices: here the one that ends in the intermediate, for
// the root's CRL is not there.
func TestAlternativeChains(t *testing.T) {
	p := pki.New(t)
	certs := presented(t, p.Server(pki.P256).Chain...)
	lists := [][]byte{p.CRL(pki.CRLSpec{})}
	for _, c := range []struct {
		anchors [][]byte
		want    backend.Reason
	}{
		{[][]byte{p.Root.DER(), p.Intermediate.DER()}, ""},
		{[][]byte{p.Intermediate.DER(), p.Root.DER()}, ""},
		{[][]byte{p.Root.DER()}, backend.PeerNoCRL},
	} {
		if r := reasonOf(t, newVerifier(t, c.anchors, lists).Peer(certs, x509.ExtKeyUsageServerAuth, "")); r != c.want {
			t.Errorf("%q, want %q", r, c.want)
		}
	}
	if r := reasonOf(t, newVerifier(t, p.Anchors(), nil).Policy(nil)); r != backend.PeerUntrusted {
		t.Errorf("no chain: %q", r)
	}
}

func TestSubject(t *testing.T) {
	p := pki.New(t)
	for _, c := range []*pki.Cert{p.Root, p.Server(pki.RSA2048), p.BadServer(pki.EmptySubject), p.BadServer(pki.LongSubject)} {
		if s, ok := rawSubject(c.DER()); !ok || s != string(c.X509.RawSubject) {
			t.Errorf("%s: %x, %v", c.X509.Subject, s, ok)
		}
		if _, ok := rawSubject(append(c.DER()[:len(c.DER()):len(c.DER())], 0)); ok {
			t.Error("trailing bytes are accepted")
		}
	}
}

// Whatever crypto/x509 can parse has the same subject here.
func FuzzSubject(f *testing.F) {
	p := pki.New(f)
	for _, c := range []*pki.Cert{p.Root, p.Server(pki.P256), p.BadServer(pki.EmptySubject), p.BadServer(pki.LongSubject)} {
		f.Add(c.DER())
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, der []byte) {
		s, ok := rawSubject(der)
		if c, err := x509.ParseCertificate(der); err == nil && (!ok || s != string(c.RawSubject)) {
			t.Errorf("%q, %v; crypto/x509 has %q", s, ok, c.RawSubject)
		}
	})
}

func FuzzCRL(f *testing.F) {
	p := pki.New(f)
	for _, der := range p.CRLs(p.Server(pki.P256)) {
		f.Add(der)
	}
	leaf, issuer := p.Server(pki.P256).X509, p.Intermediate.X509
	f.Fuzz(func(t *testing.T, der []byte) {
		list, err := parseCRL(der)
		if err != nil {
			if e, ok := errors.AsType[*backend.Error](err); !ok || e.Kind != backend.Config {
				t.Errorf("%#v", err)
			}
			return
		}
		v := newVerifier(t, nil, [][]byte{der})
		if err := v.revocation(leaf, issuer); err == nil && list.CheckSignatureFrom(issuer) != nil {
			t.Error("an unsigned list clears a certificate")
		}
	})
}

// FuzzConstraints: what an authority and a certificate below it may hold. Without
// limits everything is within them, and nothing is within its own exclusion.
func FuzzConstraints(f *testing.F) {
	p := pki.New(f)
	subject := p.Server(pki.P256).X509.RawSubject
	f.Add([]byte{0x30, 0x0e, 0xa0, 0x0c, 0x30, 0x0a, 0x82, 0x08, 'h', '.', 'e', 'x', 'a', 'm', 'p', 'l'}, subject, []byte{0x30, 0})
	f.Add([]byte{0x30, 4, 0xa1, 2, 0x30, 0}, []byte{0x30, 0}, []byte{0x30, 4, 0xa4, 2, 0x30, 0})
	f.Fuzz(func(t *testing.T, limits, subject, names []byte) {
		c := &x509.Certificate{RawSubject: subject, Extensions: []pkix.Extension{{Id: subjectAltName, Value: names}}}
		if !withinConstraints([]*x509.Certificate{c, {}}) {
			t.Error("refused without limits")
		}
		ca := &x509.Certificate{Extensions: []pkix.Extension{{Id: nameConstraints, Value: limits}}}
		within := withinConstraints([]*x509.Certificate{c, ca})
		claimed, ok := namesOf(c, true)
		_, excluded, readable := limitsOf(ca)
		for _, n := range claimed {
			for _, l := range excluded {
				if ok && readable && within && l.form == n.form && l.covers(n) {
					t.Errorf("%x is excluded, and let in", n.base)
				}
			}
		}
	})
}

// A whole bundle must cost next to nothing: nothing but subjects is parsed.
func BenchmarkBundle(b *testing.B) {
	p := pki.New(b)
	anchors := p.Anchors()
	for range 149 {
		anchors = append(anchors, p.Issue(pki.Spec{Name: "CA", CA: true, Edit: func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = []string{c.SerialNumber.String()}
		}}).DER())
	}
	chain := presented(b, p.Server(pki.P256).Chain...)
	b.Run("New", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			newVerifier(b, anchors, nil)
		}
	})
	v := newVerifier(b, anchors, nil)
	b.Run("Peer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := v.Peer(chain, x509.ExtKeyUsageServerAuth, pki.Host); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Pool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Pool(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Only what can be an issuer is parsed.
func TestCandidates(t *testing.T) {
	p := pki.New(t)
	v := newVerifier(t, [][]byte{p.Root.DER(), p.Root.DER(), p.Other.DER(), p.Intermediate.DER()}, nil)
	got := v.candidates(presented(t, p.Server(pki.P256).Chain...))
	for _, c := range got {
		if c.Equal(p.Other.X509) {
			t.Error("an anchor that issued nothing was parsed")
		}
	}
	if len(got) != 2 { // the root stands there twice
		t.Errorf("%d candidates", len(got))
	}
}
