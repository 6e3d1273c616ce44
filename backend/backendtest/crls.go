package backendtest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

func (s suite) crls(t *testing.T) {
	now := time.Now()
	crl := func(c pki.CRLSpec) []byte { return s.pki.CRL(c) }
	root, inter := s.pki.Root, s.pki.Intermediate
	rootList := crl(pki.CRLSpec{Issuer: root})
	for _, c := range []struct {
		name  string
		fault pki.Fault // of the certificate, if any
		lists func(leaf *pki.Cert) [][]byte
		want  backend.Reason
	}{
		{"good", "", func(*pki.Cert) [][]byte { return s.pki.CRLs() }, ""},
		{"revoked", "", func(leaf *pki.Cert) [][]byte { return s.pki.CRLs(leaf) }, backend.PeerRevoked},
		{"issuer revoked", "", func(*pki.Cert) [][]byte { return s.pki.CRLs(inter) }, backend.PeerRevoked},
		{"another revoked", "", func(*pki.Cert) [][]byte { return s.pki.CRLs(s.pki.Other) }, ""},
		{"none of the intermediate", "", func(*pki.Cert) [][]byte { return [][]byte{rootList} }, backend.PeerNoCRL},
		{"none of the root", "", func(*pki.Cert) [][]byte { return [][]byte{crl(pki.CRLSpec{})} }, backend.PeerNoCRL},
		{"expired", "", func(*pki.Cert) [][]byte {
			return [][]byte{rootList, crl(pki.CRLSpec{ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: now.Add(-time.Hour)})}
		}, backend.PeerNoCRL},
		{"not yet", "", func(*pki.Cert) [][]byte {
			return [][]byte{rootList, crl(pki.CRLSpec{ThisUpdate: now.Add(time.Hour), NextUpdate: now.Add(2 * time.Hour)})}
		}, backend.PeerNoCRL},
		{"an expired one and a good one", "", func(leaf *pki.Cert) [][]byte {
			return append(s.pki.CRLs(), crl(pki.CRLSpec{ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: now.Add(-time.Hour), Revoked: []*pki.Cert{leaf}}))
		}, ""},
		{"forged", "", func(*pki.Cert) [][]byte {
			forger := *s.pki.Other
			forged := *inter.X509
			forged.PublicKey = forger.Key.Public()
			forger.X509 = &forged
			return [][]byte{rootList, crl(pki.CRLSpec{Issuer: &forger})}
		}, backend.PeerNoCRL},
		{"issuer may not sign CRLs", pki.NoCRLSign, func(leaf *pki.Cert) [][]byte {
			return [][]byte{rootList, crl(pki.CRLSpec{Issuer: leaf.Issuer})}
		}, backend.PeerNoCRL},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := s.pki.Server(pki.P256), s.pki.Client(pki.P256)
			if c.fault != "" {
				server, client = s.pki.BadServer(c.fault), s.pki.BadClient(c.fault)
			}
			for _, v := range bothVersions {
				for _, x := range []*session{
					s.dial(t, func(cfg *backend.ClientConfig) { cfg.CRLs = c.lists(server) }, withCert(server, v)),
					s.serve(t, func(cfg *backend.ServerConfig) {
						cfg.CRLs, cfg.Anchors, cfg.Client, cfg.MaxVersion = c.lists(client), s.pki.Anchors(), backend.CertOptional, v
					}, present(client)),
				} {
					if c.want != "" {
						refused(t, x, c.want)
					} else if x.connect(); x.conn.State().Peer == nil {
						t.Error("not in the state")
					}
				}
			}
		})
	}
}

// partialCRLs: a list that says that it is for some certificates only would let
// in the others, whether or not it says so as it ought to: critically.
func (s suite) partialCRLs(t *testing.T) {
	point := asn1.ObjectIdentifier{2, 5, 29, 28}
	for _, c := range []struct {
		name  string
		id    asn1.ObjectIdentifier
		value string
	}{
		{"a delta", asn1.ObjectIdentifier{2, 5, 29, 27}, "\x02\x01\x01"},
		{"of a distribution point", point, "\x30\x0d\xa0\x0b\xa0\x09\x86\x07ldap://"},
		{"of users", point, "\x30\x03\x81\x01\xff"},
		{"of authorities", point, "\x30\x03\x82\x01\xff"},
		{"for some reasons", point, "\x30\x04\x83\x02\x06\x40"},
		{"indirect", point, "\x30\x03\x84\x01\xff"},
		{"of attribute certificates", point, "\x30\x03\x85\x01\xff"},
	} {
		for _, critical := range []bool{true, false} {
			list := s.pki.CRL(pki.CRLSpec{Edit: func(l *x509.RevocationList) {
				l.ExtraExtensions = []pkix.Extension{{Id: c.id, Critical: critical, Value: []byte(c.value)}}
			}})
			t.Run(fmt.Sprint("a CRL, ", c.name, ", critical: ", critical), func(t *testing.T) {
				_, err := s.NewClient(&backend.ClientConfig{Common: backend.Common{Anchors: s.pki.Anchors(), CRLs: [][]byte{list}}, ServerName: pki.Host})
				expect(t, err, backend.Config, backend.CRLUnsupported)
				_, err = s.NewServer(&backend.ServerConfig{
					Common:  backend.Common{Anchors: s.pki.Anchors(), CRLs: [][]byte{list}},
					Default: s.pki.Server(pki.P256).Pair(), Client: backend.CertOptional,
				})
				expect(t, err, backend.Config, backend.CRLUnsupported)
			})
		}
	}
}
