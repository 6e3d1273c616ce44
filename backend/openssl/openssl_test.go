//go:build openssl && cgo

package openssl

import (
	"errors"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
)

func TestBackend(t *testing.T)      { backendtest.Run(t, Backend) }
func BenchmarkBackend(b *testing.B) { backendtest.Bench(b, Backend) }

func TestInfo(t *testing.T) {
	i := Backend.Info()
	if i.Name != "openssl" || !strings.HasPrefix(i.Library, "OpenSSL 3.") && !strings.HasPrefix(i.Library, "OpenSSL 4.") {
		t.Errorf("%+v", i)
	}
}

func endpoints(t testing.TB, max uint16) (server, client backend.Endpoint) {
	t.Helper()
	p := pki.New(t)
	common := backend.Common{Anchors: p.Anchors(), CRLs: p.CRLs(), ALPN: []string{"a"}, MaxVersion: max}
	server, err := Backend.NewServer(&backend.ServerConfig{Common: common, Default: p.Server(pki.P256).Pair(), Client: backend.CertOptional})
	if err != nil {
		t.Fatal(err)
	}
	client, err = Backend.NewClient(&backend.ClientConfig{Common: common, ServerName: pki.Host, Keys: p.Client(pki.P256).Pair()})
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

// A pair is a server and a client, back to back.
type pair struct {
	server, client backend.Conn
	sw, cw         *backendtest.Wire
}

func join(server, client backend.Endpoint) *pair {
	p := &pair{sw: &backendtest.Wire{}, cw: &backendtest.Wire{}}
	p.server, p.client = server.NewConn(p.sw), client.NewConn(p.cw)
	return p
}

// move carries what both have written to the other.
func (p *pair) move() {
	p.sw.In, p.cw.Out = append(p.sw.In, p.cw.Out...), nil
	p.cw.In, p.sw.Out = append(p.cw.In, p.sw.Out...), nil
}

func (p *pair) connect(t testing.TB) {
	t.Helper()
	for range 10 {
		ce, se := p.client.Handshake(), p.server.Handshake()
		if p.move(); ce == nil && se == nil {
			return
		}
	}
	t.Fatal("no handshake")
}

func (p *pair) close() {
	p.server.Close()
	p.client.Close()
}

// A system error of the Wire is final and is passed on.
func TestWireError(t *testing.T) {
	reset := errors.New("connection reset by peer")
	se, ce := endpoints(t, 0)
	c := se.NewConn(&backendtest.Wire{End: reset})
	defer c.Close()
	if err := c.Handshake(); !errors.Is(err, reset) {
		t.Errorf("%v", err)
	}
	p := join(se, ce)
	defer p.close()
	p.connect(t)
	p.sw.End = reset
	for range 2 {
		if _, err := p.server.Read(make([]byte, 1)); !errors.Is(err, reset) {
			t.Errorf("%v", err)
		}
	}
}

// A server that chooses an application protocol that was not offered gets no
// Finished. OpenSSL's servers don't: here the client forgets what it offered.
func TestUnofferedProtocol(t *testing.T) {
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		se, ce := endpoints(t, v)
		ce.(*endpoint).common.ALPN = []string{"b"}
		p := join(se, ce)
		var err error
		for range 6 {
			if err = p.client.Handshake(); err == backend.ErrAgain {
				p.server.Handshake()
			}
			p.move()
		}
		if e, ok := errors.AsType[*backend.Error](err); !ok || e.Kind != backend.Handshake || e.Reason != backend.BadHandshake {
			t.Errorf("%x: %v", v, err)
		}
		if v == backend.TLS13 && p.server.Handshake() == nil {
			t.Error("the server got a Finished")
		}
		p.close()
	}
}
