package utls

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/exaring/ja4plus"
	utls "github.com/refraction-networking/utls"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// offeredGroups are those that crypto/tls has too.
func offeredGroups(s *utls.ClientHelloSpec) (groups []tls.CurveID) {
	for _, x := range s.Extensions {
		if x, ok := x.(*utls.SupportedCurvesExtension); ok {
			for _, g := range x.Curves {
				if g := tls.CurveID(g); slices.Contains([]tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}, g) {
					groups = append(groups, g)
				}
			}
		}
	}
	return groups
}

// What can't be had is refused before a peer is there.
func TestContradictions(t *testing.T) {
	const twelve, thirteen = backend.TLS12, backend.TLS13
	for _, c := range []struct {
		name     string
		min, max uint16
		alpn     string
		want     backend.Reason
	}{
		{"chrome", 0, 0, "", ""},
		{"chrome", thirteen, 0, "", ""}, // it offers 1.2 too, and refuses it
		{"chrome", 0, twelve, "", backend.FingerprintVersions},
		{"chrome", 0, 0, "smtp", ""},
		{"chrome_58", thirteen, 0, "", backend.FingerprintVersions},
		{"chrome_58", 0, twelve, "", ""},
		{"android", thirteen, 0, "", backend.FingerprintVersions},
		{"android", 0, twelve, "", ""},
		{"android", 0, 0, "smtp", backend.FingerprintALPN},
		{"randomized", 0, twelve, "", backend.FingerprintVersions},
		{"randomized", 0, 0, "smtp", ""},
		{"randomized-alpn", 0, 0, "smtp", ""},
		{"randomized-alpn:1", 0, 0, "", backend.FingerprintNoALPN},
		{"randomized-noalpn", 0, 0, "", ""},
		{"randomized-noalpn:1", 0, 0, "smtp", backend.FingerprintALPN},
		{"chrome_133 ", 0, 0, "", backend.UnknownFingerprint},
		{"chrome_1", 0, 0, "", backend.UnknownFingerprint},
		{"Chrome", 0, 0, "", backend.UnknownFingerprint},
		{"chrome:1", 0, 0, "", backend.UnknownFingerprint},
		{"randomized:", 0, 0, "", backend.UnknownFingerprint},
		{"random", 0, 0, "", backend.UnknownFingerprint},
	} {
		cfg := &backend.ClientConfig{Fingerprint: c.name, NoVerifyCert: true, Common: backend.Common{MinVersion: c.min, MaxVersion: c.max}}
		if c.alpn != "" {
			cfg.ALPN = []string{c.alpn}
		}
		_, err := Backend.NewClient(cfg)
		e, _ := err.(*backend.Error)
		if c.want == "" && err != nil || c.want != "" && (e == nil || e.Kind != backend.Config || e.Reason != c.want || e.Where != c.name) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A browser's ALPN is not offered unless it is asked for, and the JA4 stays
// that of the browser but for what it says about ALPN.
func TestALPN(t *testing.T) {
	for _, p := range presets {
		c := backend.ClientConfig{Fingerprint: p.name, ServerName: "a-name-of-some-length.mail.example.org"}
		h := sent(t, c)
		if len(h.SupportedProtos) > 0 || slices.Contains(h.Extensions, 16) {
			t.Errorf("%s offers %q", p.name, h.SupportedProtos)
		}
		if !hasALPN(p) {
			continue
		}
		c.ALPN = []string{"smtp", "h2"}
		if h = sent(t, c); !slices.Equal(h.SupportedProtos, c.ALPN) {
			t.Errorf("%s offers %q", p.name, h.SupportedProtos)
		}
		if got, want := ja4plus.JA4(h), p.ja4[:8]+"sp"+p.ja4[10:]; got != want {
			t.Errorf("%s with smtp: %s, want %s", p.name, got, want)
		}
	}
}

// refusedBy is how a session with a server must end.
func refusedBy(t *testing.T, fingerprint, address string, want backend.Reason) *backend.Error {
	t.Helper()
	state, err := talk(endpoint(t, fingerprint, pki.P256), address, "ping\n")
	e, ok := errors.AsType[*backend.Error](err)
	if !ok || e.Kind != backend.Handshake || e.Reason != want || state.Peer != nil {
		t.Errorf("%s: %v", fingerprint, err)
		return &backend.Error{}
	}
	return e
}

// TestOldVersions: the ClientHello may offer TLS 1.0, but it is not taken.
func TestOldVersions(t *testing.T) {
	refusals := 0
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		address := listen(t, &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.RSA2048).TLS()}, MinVersion: v, MaxVersion: v})
		for _, p := range presets {
			e := refusedBy(t, p.name, address, backend.NoVersion)
			if e.Alert != backend.AlertProtocolVersion {
				t.Errorf("%s, %s: %v", p.name, tls.VersionName(v), e)
			}
			if !e.Peer {
				refusals++
			}
		}
	}
	if refusals < 10 {
		t.Errorf("only %d times a server did choose an old version", refusals)
	}

	e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: "chrome", NoVerifyCert: true, Common: backend.Common{MinVersion: backend.TLS13}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = talk(e, listen(t, &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.P256).TLS()}, MaxVersion: backend.TLS12}), "ping\n")
	if be, ok := errors.AsType[*backend.Error](err); !ok || be.Reason != backend.NoVersion || be.Peer {
		t.Errorf("TLS 1.2 although 1.3 was asked for: %v", err)
	}
}

// TestWeakSuites: CBC and static RSA may be offered, but are not taken.
func TestWeakSuites(t *testing.T) {
	for _, suite := range []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA} {
		address := listen(t, &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.RSA2048).TLS()}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		for _, f := range families {
			if e := refusedBy(t, f.name, address, backend.NoCipher); e.Peer || e.Alert == 0 {
				t.Errorf("%s: %v", f.name, e)
			}
		}
		e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: "chrome", NoVerifyCert: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = talk(e, address, "ping\n"); err == nil {
			t.Errorf("%s is taken where nothing is verified", tls.CipherSuiteName(suite))
		}
	}
}

// TestWeakSignatures: a server that signs with SHA-1, as it is offered. Only
// the fork's server still does that.
func TestWeakSignatures(t *testing.T) {
	c := pki.New(t).Server(pki.RSA2048).TLS()
	for _, s := range []utls.SignatureScheme{utls.PKCS1WithSHA1, utls.PSSWithSHA256} {
		l, err := utls.Listen("tcp4", "127.0.0.1:0", &utls.Config{MaxVersion: utls.VersionTLS12, Certificates: []utls.Certificate{
			{Certificate: c.Certificate, PrivateKey: c.PrivateKey, SupportedSignatureAlgorithms: []utls.SignatureScheme{s}}}})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go echoes(l)
		for _, name := range []string{"firefox", "safari", "ios"} {
			if s == utls.PKCS1WithSHA1 {
				refusedBy(t, name, l.Addr().String(), backend.BadHandshake)
			} else if _, err := talk(endpoint(t, name, pki.P256), l.Addr().String(), "ping\n"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestVerification: one fault of each kind, as on every backend, for every
// family; the rest is package verify's and the suite's to show.
func TestVerification(t *testing.T) {
	p := pki.New(t)
	for fault, want := range map[pki.Fault]backend.Reason{
		pki.Expired: backend.PeerExpired, pki.NotYet: backend.PeerNotYet, pki.WrongUse: backend.PeerPurpose,
		pki.UnknownCA: backend.PeerUntrusted, pki.SelfSigned: backend.PeerUntrusted, pki.WrongName: backend.PeerName, pki.CNOnly: backend.PeerName,
	} {
		address := listen(t, &tls.Config{Certificates: []tls.Certificate{p.BadServer(fault).TLS()}})
		for _, f := range families {
			refusedBy(t, f.name, address, want)
			e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: f.name, ServerName: pki.Host, NoVerifyCert: true})
			if err != nil {
				t.Fatal(err)
			}
			if state, err := talk(e, address, "ping\n"); err != nil || state.Peer != nil {
				t.Errorf("%s without verification: %v, %x", f.name, err, state.Peer)
			}
		}
	}
}

// TestNoName: no SNI, and a server that hands out tickets, which are filed by
// the name or the peer's address.
func TestNoName(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var names []string
		cfg := &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.RSA2048).TLS()}, MaxVersion: v}
		cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			names = append(names, h.ServerName)
			return nil, nil
		}
		address := listen(t, cfg)
		for _, name := range []string{"", "127.0.0.1"} {
			for _, p := range presets {
				e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: p.name, ServerName: name, Common: backend.Common{Anchors: pki.New(t).Anchors()}})
				if err != nil {
					t.Fatal(err)
				}
				if state, err := talk(e, address, "ping\n"); err != nil || state.Peer == nil || state.Resumed {
					t.Errorf("%s, %q: %v, %+v", p.name, name, err, state)
				}
			}
		}
		if slices.ContainsFunc(names, func(n string) bool { return n != "" }) {
			t.Errorf("sent the names %q", names)
		}
	}
}

// TestRandomized: the same seed gives the same ClientHello, another one or
// none another.
func TestRandomized(t *testing.T) {
	shape := func(name string) string {
		c := backend.ClientConfig{Fingerprint: name, ServerName: pki.Host}
		if strings.Contains(name, "-alpn") {
			c.ALPN = []string{"smtp"}
		}
		h := sent(t, c)
		var b strings.Builder
		for _, l := range [][]uint16{h.CipherSuites, h.Extensions, h.SupportedVersions} {
			for _, n := range l {
				b.WriteRune(rune(n))
			}
			b.WriteByte(0)
		}
		for _, s := range h.SignatureSchemes {
			b.WriteRune(rune(s))
		}
		for _, g := range h.SupportedCurves {
			b.WriteRune(rune(g))
		}
		return b.String()
	}
	for _, r := range randomized {
		different := map[string]bool{}
		for _, seed := range []string{":a", ":b", ":c:d", "", ""} {
			one, two := shape(r.name+seed), shape(r.name+seed)
			if (one == two) != (seed != "") {
				t.Errorf("%s%s twice: the same %v", r.name, seed, one == two)
			}
			different[one] = true
		}
		if len(different) != 5 {
			t.Errorf("%s: %d different ones of 5", r.name, len(different))
		}
	}
}

// TestSharedEndpoint: nothing that one connection writes is another's.
func TestSharedEndpoint(t *testing.T) {
	address := startGo(t, job{version: backend.TLS13, key: pki.P256})
	e := endpoint(t, "firefox", pki.P256)
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := talk(e, address, "ping\n")
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
