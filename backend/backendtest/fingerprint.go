package backendtest

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"ucspitls/backend"
)

// fingerprint: a backend sends the ClientHello that it is asked for or
// refuses. What is in it is the backend's own tests' to see.
func (s suite) fingerprint(t *testing.T) {
	known := []string{"", backend.Golang}
	unknown := []string{"no such ClientHello", "golang:", "GOLANG"}
	if f, ok := s.Backend.(backend.Fingerprinter); ok {
		for _, f := range f.Fingerprints() {
			name, seeded := strings.CutSuffix(f.Name, "[:SEED]")
			known = append(known, name)
			if seeded {
				known = append(known, name+":any seed: all of it")
				unknown = append(unknown, name+":")
			} else {
				unknown = append(unknown, name+":seed")
			}
			if f.JA4 == "" {
				t.Errorf("no JA4 for %s", f.Name)
			}
		}
		if !slices.Contains(known[2:], backend.Golang) {
			t.Error("golang is not in the list")
		}
	} else {
		unknown = append(unknown, "chrome", "randomized")
	}
	for _, name := range known {
		t.Run(name, func(t *testing.T) {
			for _, alpn := range [][]string{nil, {"a"}} {
				e, err := s.NewClient(&backend.ClientConfig{Fingerprint: name, NoVerifyCert: true, Common: backend.Common{ALPN: alpn}})
				if be, ok := err.(*backend.Error); ok && be.Kind == backend.Config && (be.Reason == backend.FingerprintALPN && alpn != nil || be.Reason == backend.FingerprintNoALPN && alpn == nil) {
					continue
				} else if err != nil {
					t.Fatal(err)
				}
				var sent []string
				x := s.session(t, e, tls.Server, &tls.Config{
					Certificates: []tls.Certificate{s.pki.Server("RSA-2048").TLS()},
					GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
						sent = h.SupportedProtos
						return nil, nil
					},
				}, nil)
				x.connect()
				x.echo()
				if !slices.Equal(sent, alpn) {
					t.Errorf("offers %q, was given %q", sent, alpn)
				}
			}
		})
	}
	for _, name := range unknown {
		_, err := s.NewClient(&backend.ClientConfig{Fingerprint: name, NoVerifyCert: true})
		if e, ok := err.(*backend.Error); !ok || e.Kind != backend.Config || e.Reason != backend.NoFingerprint && e.Reason != backend.UnknownFingerprint || !strings.Contains(e.Where, name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
