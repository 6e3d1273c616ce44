// Package gotls is the backend on crypto/tls.
//
// crypto/tls blocks in its handshake and wants a net.Conn; here it runs in a
// coroutine that is left whenever the Wire is empty. A Conn starts no
// goroutine that outlives it and must be used by the thread-lock state it was
// begun with (see iter.Pull).
//
// Parsed private keys live on Go's heap, where nothing can be wiped for
// certain; the DER in a KeyPair is the engine's to wipe once an endpoint, or
// the call of Keys, is done with it.
package gotls

import (
	"bytes"
	"crypto/fips140"
	"crypto/tls"
	"runtime"

	"ucspitls/backend"
	"ucspitls/backend/verify"
)

type implementation struct{}

// Backend is crypto/tls.
var Backend backend.Backend = implementation{}

func (implementation) Info() backend.Info {
	info := backend.Info{Name: "gotls", Library: "crypto/tls of " + runtime.Version(), FIPS: "off"}
	if fips140.Enabled() {
		info.FIPS = "Go Cryptographic Module " + fips140.Version()
	}
	return info
}

// suites12 are those of TLS 1.2; those of 1.3 can't be chosen, and are all good.
var suites12 = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

var groups = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// configure is what servers and clients have in common. SHA-1 signatures are
// off by default in crypto/tls.
func configure(c *backend.Common) *tls.Config {
	cfg := &tls.Config{
		Time:                        c.Time,
		NextProtos:                  c.ALPN,
		MinVersion:                  c.MinVersion,
		MaxVersion:                  c.MaxVersion,
		CipherSuites:                suites12,
		CurvePreferences:            groups,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
		Renegotiation:               tls.RenegotiateNever,
	}
	if c.KeyLog != nil {
		cfg.KeyLogWriter = keyLog(c.KeyLog)
	}
	return cfg
}

// keyLog makes a writer of a function; crypto/tls writes line by line.
type keyLog func(line []byte)

func (f keyLog) Write(p []byte) (int, error) {
	f(bytes.TrimSuffix(p, []byte{'\n'}))
	return len(p), nil
}

// verifier is nil where nothing is verified.
func verifier(c *backend.Common, wanted bool) (*verify.Verifier, error) {
	if !wanted {
		return nil, nil
	}
	return verify.New(c)
}
