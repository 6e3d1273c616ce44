package backendtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// anchors: every anchor is one, self-signed or not.
func (s suite) anchors(t *testing.T) {
	server, client := s.pki.Server(pki.P256), s.pki.Client(pki.P256)
	for _, c := range []struct {
		name    string
		anchors func(leaf *pki.Cert) []*pki.Cert
		ok      bool
	}{
		{"root", func(*pki.Cert) []*pki.Cert { return []*pki.Cert{s.pki.Root} }, true},
		{"intermediate", func(*pki.Cert) []*pki.Cert { return []*pki.Cert{s.pki.Intermediate} }, true},
		{"leaf", func(leaf *pki.Cert) []*pki.Cert { return []*pki.Cert{leaf} }, true},
		{"another and root", func(*pki.Cert) []*pki.Cert { return []*pki.Cert{s.pki.Other, s.pki.Root} }, true},
		{"root twice", func(*pki.Cert) []*pki.Cert { return []*pki.Cert{s.pki.Root, s.pki.Root} }, true},
		{"another", func(*pki.Cert) []*pki.Cert { return []*pki.Cert{s.pki.Other} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(x *session, leaf *pki.Cert) {
				t.Helper()
				if !c.ok {
					expect(t, x.handshake(), backend.Handshake, backend.PeerUntrusted)
					x.peerSaw()
					return
				}
				x.connect()
				if !bytes.Equal(x.conn.State().Peer, leaf.DER()) {
					t.Error("the peer's certificate is not in the state")
				}
			}
			check(s.dial(t, func(cfg *backend.ClientConfig) { cfg.Anchors = ders(c.anchors(server)) }, nil), server)
			check(s.serve(t, func(cfg *backend.ServerConfig) {
				cfg.Client, cfg.Anchors = backend.CertMandatory, ders(c.anchors(client))
			}, present(client)), client)
		})
	}
	t.Run("more names than a CertificateRequest holds", func(t *testing.T) {
		anchors := s.manyAnchors()
		for _, v := range bothVersions {
			many := func(cfg *backend.ServerConfig) {
				cfg.Client, cfg.Anchors, cfg.MaxVersion = backend.CertMandatory, anchors, v
			}
			x := s.serve(t, many, present(client))
			x.connect()
			if !bytes.Equal(x.conn.State().Peer, client.DER()) {
				t.Error("not verified")
			}
			x = s.serve(t, many, present(s.pki.BadClient(pki.UnknownCA)))
			expect(t, x.handshake(), backend.Handshake, backend.PeerUntrusted)
			x.peerSaw()
			x = s.serve(t, many, nil)
			expect(t, x.handshake(), backend.Handshake, backend.NoPeerCert)
			x.peerSaw()
		}
	})
}

// manyAnchors has the root among anchors whose names don't all fit into a
// CertificateRequest.
func (s suite) manyAnchors() [][]byte {
	anchors := s.pki.Anchors()
	long := s.pki.BadServer(pki.LongSubject)
	for n := 0; n < 70000; n += len(long.X509.RawSubject) {
		anchors = append(anchors, s.pki.Issue(pki.Spec{Name: "Long", CA: true, Edit: func(c *x509.Certificate) {
			c.Subject = long.X509.Subject
			c.Subject.CommonName = "Long " + string(rune('a'+len(anchors)))
		}}).DER())
	}
	return anchors
}

func ders(certs []*pki.Cert) (d [][]byte) {
	for _, c := range certs {
		d = append(d, c.DER())
	}
	return d
}

// present makes a peer send a client's certificate whatever it is asked for.
func present(c *pki.Cert) func(*tls.Config) {
	return func(cfg *tls.Config) {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert := c.TLS()
			return &cert, nil
		}
	}
}
