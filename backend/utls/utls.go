// Package utls is the backend whose client sends the ClientHello of a
// program of one's choice. It is crypto/tls but for clients with a
// fingerprint, which are uTLS: a fork of an older crypto/tls that browsers'
// ClientHellos can be put into, and whose server lacks later fixes.
//
// A ClientHello offers what the browser of its day would take, which may be
// TLS 1.0, CBC or SHA-1. It is sent as it is; what the server then chooses is
// held to the rules of every backend.
package utls

import (
	"strings"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
	"ucspitls/backend/gotls"
)

// version is that of go.mod.
const version = "v1.8.2"

type implementation struct{}

// Backend is uTLS for clients with a fingerprint and crypto/tls for all else.
// It is a backend.Fingerprinter and a backend.KeyHolder.
var Backend backend.Backend = implementation{}

// Info never claims FIPS: uTLS brings cryptography of its own.
func (implementation) Info() backend.Info {
	return backend.Info{Name: "utls", Library: "uTLS " + version + " (clients with a fingerprint) and crypto/tls of " + cryptotls.GoVersion(), FIPS: "off"}
}

func (implementation) HoldKey(name string, der []byte) (backend.Signer, error) {
	return cryptotls.HoldKey(name, der)
}

func (b implementation) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(b.Info()); err != nil {
		return nil, err
	}
	return gotls.Backend.NewServer(c)
}

func (b implementation) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(b.Info()); err != nil {
		return nil, err
	}
	if c.Fingerprint == "" || c.Fingerprint == backend.Golang {
		return gotls.Backend.NewClient(c)
	}
	hello, reason := choose(c.Fingerprint, len(c.ALPN) > 0)
	if reason != "" {
		return nil, c.BadFingerprint(reason)
	}
	if err := noGuard(c); err != nil {
		return nil, err
	}
	plain := *c
	plain.Fingerprint = ""
	checked, err := cryptotls.NewClient(&plain)
	if err != nil {
		return nil, err
	}
	e := newClient(checked, hello)
	if _, reason := e.spec(); reason != "" {
		return nil, c.BadFingerprint(reason)
	}
	return e, nil
}

// noGuard: uTLS hashes what it signs, and has only the digest for a guard.
func noGuard(c *backend.ClientConfig) error {
	if c.Keys != nil && c.Keys.Guard != nil {
		return &backend.Error{Kind: backend.Config, Reason: backend.FingerprintNoGuard}
	}
	return nil
}

func (implementation) Fingerprints() []backend.Fingerprint {
	list := []backend.Fingerprint{{Name: backend.Golang, JA4: "-"}}
	for _, f := range families {
		list = append(list, backend.Fingerprint{Name: f.name, JA4: find(f.newest).ja4})
	}
	for _, r := range randomized {
		list = append(list, backend.Fingerprint{Name: r.name + "[:SEED]", JA4: "-"})
	}
	for _, p := range presets {
		list = append(list, backend.Fingerprint{Name: p.name, JA4: p.ja4})
	}
	return list
}

// choose finds the ClientHello of a name.
func choose(name string, alpn bool) (helloFunc, backend.Reason) {
	for _, f := range families {
		if f.name == name {
			name = f.newest
		}
	}
	if p := find(name); p != nil {
		return p.hello, ""
	}
	name, seed, seeded := strings.Cut(name, ":")
	for _, r := range randomized {
		if r.name == name && (!seeded || seed != "") {
			return r.choose(seed, alpn)
		}
	}
	return nil, backend.UnknownFingerprint
}
