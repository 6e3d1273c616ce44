package backendtest

import (
	"bytes"
	"crypto/tls"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// pairs: what Keys gives to many connections is read once. Its key may be
// wiped, and one that is bad is found before a peer is there.
func (s suite) pairs(t *testing.T) {
	ids := map[string]*pki.Cert{"a.example": s.pki.Server(pki.RSA2048), "b.example": s.pki.Server(pki.P384), "": s.pki.Server(pki.P256)}
	a, b := ids["a.example"].Pair(), ids["b.example"].Pair()
	cfg := &backend.ServerConfig{Default: ids[""].Pair(), Pairs: []*backend.KeyPair{a, b}}
	cfg.Keys = func(name string) (*backend.KeyPair, error) {
		switch name {
		case "a.example":
			return a, nil
		case "b.example":
			return b, nil
		}
		return cfg.Default, nil
	}
	e, err := s.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*backend.KeyPair{a, b, cfg.Default} {
		clear(p.Key)
	}
	for range 2 {
		for name, id := range ids {
			for _, v := range bothVersions {
				x := s.session(t, e, tls.Client, &tls.Config{ServerName: name, InsecureSkipVerify: true, MaxVersion: v}, nil)
				x.connect()
				if got := x.peer.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, id.DER()) {
					t.Errorf("%q %s: the wrong certificate", name, versionName(v))
				}
			}
		}
	}
	bad := ids["a.example"].Pair()
	bad.Key = ids["b.example"].KeyPKCS8()
	_, err = s.NewServer(&backend.ServerConfig{Pairs: []*backend.KeyPair{ids["b.example"].Pair(), bad}})
	if e := expect(t, err, backend.Config, backend.KeyMismatch); e.Where != bad.KeyName {
		t.Errorf("%v", e)
	}
}
