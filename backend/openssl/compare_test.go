//go:build openssl && cgo

package openssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/backend/gotls"
)

// A recorder is a backend that notes every error, but not which alert went
// with it: OpenSSL's are more exact.
type recorder struct {
	backend.Backend
	mu   sync.Mutex
	seen map[string]int
}

func (r *recorder) note(call string, err error) {
	if err == nil || err == backend.ErrAgain {
		return
	}
	line := call + ": " + err.Error()
	if e, ok := errors.AsType[*backend.Error](err); ok {
		line = fmt.Sprintf("%s: kind %d, %s, peer %v", call, e.Kind, e.Reason, e.Peer)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[line]++
}

func (r *recorder) HoldKey(name string, der []byte) (backend.Signer, error) {
	key, err := r.Backend.(backend.KeyHolder).HoldKey(name, der)
	r.note("HoldKey", err)
	return key, err
}

func (r *recorder) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	e, err := r.Backend.NewServer(c)
	r.note("NewServer", err)
	return recorded{e, r}, err
}

func (r *recorder) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	e, err := r.Backend.NewClient(c)
	r.note("NewClient", err)
	return recorded{e, r}, err
}

type recorded struct {
	backend.Endpoint
	*recorder
}

func (e recorded) NewConn(w backend.Wire) backend.Conn {
	return &recordedConn{Conn: e.Endpoint.NewConn(w), recorder: e.recorder}
}

// A recordedConn notes the first answer of each call: how often a test asks
// again is chance.
type recordedConn struct {
	backend.Conn
	*recorder
	handshake, read, write bool
}

func (c *recordedConn) once(said *bool, call string, err error) {
	if !*said && err != nil && err != backend.ErrAgain {
		*said = true
		c.note(call, err)
	}
}

func (c *recordedConn) Handshake() error {
	err := c.Conn.Handshake()
	c.once(&c.handshake, "Handshake", err)
	return err
}

func (c *recordedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.once(&c.read, "Read", err)
	return n, err
}

func (c *recordedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.once(&c.write, "Write", err)
	return n, err
}

// differs is what the two libraries can't have in common: a client that has TLS
// 1.2 alone does not list its versions, and an old peer then misses a suite.
func differs(line string) bool {
	return strings.HasPrefix(line, "Handshake: kind 3, "+string(backend.NoVersion)) ||
		strings.HasPrefix(line, "Handshake: kind 3, "+string(backend.PeerRefused))
}

// Every failure of backendtest has the same kind and reason on both backends.
func TestSameAsGo(t *testing.T) {
	ours, theirs := &recorder{Backend: Backend, seen: map[string]int{}}, &recorder{Backend: gotls.Backend, seen: map[string]int{}}
	if !t.Run("openssl", func(t *testing.T) { backendtest.RunComparable(t, ours) }) || !t.Run("gotls", func(t *testing.T) { backendtest.RunComparable(t, theirs) }) {
		t.FailNow()
	}
	if len(ours.seen) < 50 {
		t.Errorf("only %d different failures were seen", len(ours.seen))
	}
	for line, n := range theirs.seen {
		if ours.seen[line] != n && !differs(line) {
			t.Errorf("%s: %d times with crypto/tls, %d with OpenSSL", line, n, ours.seen[line])
		}
	}
	for line, n := range ours.seen {
		if theirs.seen[line] == 0 {
			t.Errorf("%s: %d times with OpenSSL only", line, n)
		}
	}
}

// blocking is a connection as a Wire. It blocks, which no test here minds.
type blocking struct{ net.Conn }

// faulty is what can be wrong with a server's certificate; several at once
// are made of several.
var faulty = []struct {
	name string
	edit func(*pki.PKI, *pki.Spec)
}{
	{"expired", func(_ *pki.PKI, s *pki.Spec) { s.NotBefore, s.NotAfter = at(-48), at(-24) }},
	{"not yet", func(_ *pki.PKI, s *pki.Spec) { s.NotBefore = at(24) }},
	{"wrong use", func(_ *pki.PKI, s *pki.Spec) { s.Use = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
	{"any use", func(_ *pki.PKI, s *pki.Spec) { s.Use = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }},
	{"wrong name", func(_ *pki.PKI, s *pki.Spec) { s.DNS = []string{"other.example"} }},
	{"RSA-1024", func(_ *pki.PKI, s *pki.Spec) { s.Key = pki.RSA1024 }},
	{"unknown CA", func(p *pki.PKI, s *pki.Spec) { s.Issuer = p.Other }},
	{"late issuer", func(p *pki.PKI, s *pki.Spec) { s.Issuer = p.BadServer(pki.LateIssuer).Issuer }},
	{"weak issuer", func(p *pki.PKI, s *pki.Spec) { s.Issuer = p.BadServer(pki.WeakIssuer).Issuer }},
	{"SHA-1", func(p *pki.PKI, s *pki.Spec) {
		s.Issuer = p.BadServer(pki.SHA1).Issuer
		s.Edit = func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	}},
	{"issuer for clients", func(p *pki.PKI, s *pki.Spec) {
		s.Issuer = p.Named("issuer for clients", pki.Spec{Name: "For Clients", CA: true, Issuer: p.Root, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	}},
	{"too deep", func(p *pki.PKI, s *pki.Spec) {
		limited := p.Named("path length 0", pki.Spec{Name: "Path Length 0", CA: true, Issuer: p.Root, Edit: func(c *x509.Certificate) { c.MaxPathLenZero = true }})
		s.Issuer = p.Named("below path length 0", pki.Spec{Name: "Below", CA: true, Issuer: limited})
	}},
	{"critical", func(p *pki.PKI, s *pki.Spec) {
		s.Edit = func(c *x509.Certificate) {
			c.ExtraExtensions = p.BadServer(pki.UnknownCrit).X509.Extensions[len(p.BadServer(pki.UnknownCrit).X509.Extensions)-1:]
		}
	}},
	{"for a.example", func(_ *pki.PKI, s *pki.Spec) {
		s.Issuer = nil
		s.Edit = func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, false }
	}},
}

func at(hours int) time.Time { return time.Now().Add(time.Duration(hours) * time.Hour) }

// Of two faults at once both backends report the same one.
func TestTwoFaults(t *testing.T) {
	p := pki.New(t)
	for i, a := range faulty {
		for _, b := range faulty[i:] {
			spec := pki.Spec{Name: "two faults", DNS: []string{pki.Host}, Issuer: p.Intermediate, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
			a.edit(p, &spec)
			b.edit(p, &spec)
			if spec.Issuer == nil {
				spec.Issuer = p.Intermediate
			}
			if (a.name == "SHA-1" || b.name == "SHA-1") && spec.Issuer.X509.PublicKeyAlgorithm != x509.RSA {
				continue // the other fault took the issuer with the RSA key away
			}
			cert := p.Issue(spec)
			for _, v := range []uint16{backend.TLS12, backend.TLS13} {
				want, got := verdictOf(t, gotls.Backend, cert, v), verdictOf(t, Backend, cert, v)
				if want != got {
					t.Errorf("%s and %s: crypto/tls %q, OpenSSL %q", a.name, b.name, want, got)
				}
			}
		}
	}
}

// verdictOf is what a client of b says of a server with that certificate.
func verdictOf(t *testing.T, b backend.Backend, cert *pki.Cert, v uint16) backend.Reason {
	t.Helper()
	e, err := b.NewClient(&backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{MaxVersion: v,
		Anchors: slices.Concat(pki.New(t).Anchors(), [][]byte{pki.New(t).Root.DER()})}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert.TLS()}, SessionTicketsDisabled: true})
		if s.Handshake() == nil {
			s.Read(make([]byte, 1))
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.Close(); <-done }()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	conn := e.NewConn(blocking{c})
	defer conn.Close()
	err = conn.Handshake()
	if err == nil {
		return ""
	}
	be, ok := errors.AsType[*backend.Error](err)
	if !ok || be.Kind != backend.Handshake {
		t.Fatalf("%v", err)
	}
	return be.Reason
}
