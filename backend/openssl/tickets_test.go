//go:build openssl && cgo

package openssl

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// In TLS 1.2 a server promises a ticket before it sees the client's
// certificate, and libssl fails when it does not fit. That client is refused.
func TestCertificateThatNoTicketHolds(t *testing.T) {
	p := pki.New(t)
	for _, size := range []int{55000, 65000, 120000} {
		client := p.Issue(pki.Spec{Issuer: p.Intermediate, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, Edit: func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, size)}}
		}})
		cert := client.TLS()
		for _, keys := range [][][]byte{nil, {bytes.Repeat([]byte{1}, 32)}} {
			se, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), Client: backend.CertMandatory,
				TicketKeys: keys, Common: backend.Common{Anchors: p.Anchors()}})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				for _, cache := range []tls.ClientSessionCache{nil, tls.NewLRUClientSessionCache(1)} {
					err := stranger(se, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: v, ClientSessionCache: cache})
					if keys == nil || v == tls.VersionTLS13 || cache == nil || size < 60000 {
						if err != nil {
							t.Errorf("%d bytes, %x: %v", size, v, err)
						}
					} else if e, ok := errors.AsType[*backend.Error](err); !ok || e.Reason != backend.PeerBadCert || e.Alert != backend.AlertBadCertificate {
						t.Errorf("%d bytes, %x: %v", size, v, err)
					}
				}
			}
		}
	}
}

// A site that forbids tickets in OpenSSL's configuration gets an error, not none.
func TestSiteForbidsTickets(t *testing.T) {
	shows(t, site(t, systemDefault), ticketsWork...)
	shows(t, site(t, systemDefault+"Options = -SessionTicket\n"), "tickets: "+string(backend.NoTickets))
}

// ticketsWork is what report prints where they do.
var ticketsWork = []string{"tickets: <nil>\n303 resumed: false <nil>\n303 resumed: true <nil>\n304 resumed: false <nil>\n304 resumed: true <nil>\n"}
