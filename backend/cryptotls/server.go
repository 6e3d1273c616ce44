package cryptotls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"slices"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls/verify"
)

// A Server is a server's configuration that was checked.
type Server struct {
	backend.ServerConfig
	Verifier *verify.Verifier // nil if no certificate is asked for
	checked  map[*backend.KeyPair]*tls.Certificate
}

// NewServer checks c. Its errors are an *Error of kind Config.
func NewServer(c *backend.ServerConfig) (*Server, error) {
	s := &Server{ServerConfig: *c, checked: make(map[*backend.KeyPair]*tls.Certificate)}
	err := s.Check()
	if err != nil {
		return nil, err
	}
	if s.Verifier, err = Verifier(&s.Common, s.Client != backend.CertNone); err != nil {
		return nil, err
	}
	for _, pair := range append([]*backend.KeyPair{s.Default}, s.Pairs...) {
		if pair == nil {
			continue
		}
		if s.checked[pair], err = ParsePair(pair); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NewConn is a Conn without its library.
func (s *Server) NewConn(w backend.Wire) *Conn {
	return New(w, s.Verifier, x509.ExtKeyUsageClientAuth)
}

// Certificate is what Keys gives for a server name; nil, nil if the client is to
// be refused with unrecognized_name, which crypto/tls sends without a certificate.
func (s *Server) Certificate(name string) (*tls.Certificate, error) {
	pair := s.Default
	if s.Keys != nil {
		var err error
		if pair, err = s.Keys(name); err != nil {
			return nil, err
		}
	}
	if pair == nil || s.checked[pair] != nil {
		return s.checked[pair], nil
	}
	return ParsePair(pair)
}

// Suites are the suites of TLS 1.2 for a client and a certificate. An ECDSA key
// must be on a curve that the client lists (RFC 8422, 5.3), and crypto/tls only
// looks at the list for the key exchange. In TLS 1.3, which does not ask, these
// don't count.
func Suites(hello *tls.ClientHelloInfo, cert *tls.Certificate) []uint16 {
	key, ok := cert.Leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || len(hello.SupportedCurves) == 0 {
		return Suites12
	}
	curve := map[elliptic.Curve]tls.CurveID{
		elliptic.P256(): tls.CurveP256, elliptic.P384(): tls.CurveP384, elliptic.P521(): tls.CurveP521,
	}[key.Curve]
	if !slices.Contains(hello.SupportedCurves, curve) {
		return withoutECDSA // so there is none in common
	}
	return Suites12
}

var withoutECDSA = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}

// Protocols are the application protocols for a client. crypto/tls lets one that
// has only http/1.1 pass where only h2 is configured.
func Protocols(hello *tls.ClientHelloInfo, ours []string) []string {
	theirs := hello.SupportedProtos
	if len(ours) == 0 || len(theirs) == 0 || slices.ContainsFunc(ours, func(p string) bool { return slices.Contains(theirs, p) }) {
		return ours
	}
	return []string{""} // which nobody can offer
}
