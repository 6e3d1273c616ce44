// Package gotls is the backend on crypto/tls.
//
// crypto/tls blocks in its handshake and wants a net.Conn: see package
// cryptotls.
//
// Parsed private keys live on Go's heap, where nothing can be wiped for
// certain; the DER in a KeyPair is the engine's to wipe once an endpoint, or
// the call of Keys, is done with it.
package gotls

import (
	"crypto/fips140"
	"crypto/tls"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

type implementation struct{}

// Backend is crypto/tls. It is a backend.KeyHolder.
var Backend backend.Backend = implementation{}

func (implementation) HoldKey(name string, der []byte) (backend.Signer, error) {
	return cryptotls.HoldKey(name, der)
}

func (implementation) Info() backend.Info {
	info := backend.Info{Name: "gotls", Library: "crypto/tls of " + cryptotls.GoVersion(), FIPS: "off"}
	if fips140.Enabled() {
		info.FIPS = "Go Cryptographic Module " + fips140.Version()
	}
	return info
}

// configure is what servers and clients have in common. SHA-1 signatures are
// off by default in crypto/tls.
func configure(c *backend.Common) *tls.Config {
	cfg := &tls.Config{
		Time:                        c.Time,
		NextProtos:                  c.ALPN,
		MinVersion:                  c.MinVersion,
		MaxVersion:                  c.MaxVersion,
		CipherSuites:                cryptotls.Suites12,
		CurvePreferences:            cryptotls.Groups,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
		Renegotiation:               tls.RenegotiateNever,
	}
	if c.KeyLog != nil {
		cfg.KeyLogWriter = cryptotls.KeyLog(c.KeyLog)
	}
	return cfg
}
