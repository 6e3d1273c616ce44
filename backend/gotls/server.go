package gotls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"slices"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
	"ucspitls/backend/cryptotls/verify"
)

type server struct {
	cfg      backend.ServerConfig
	base     *tls.Config
	verifier *verify.Verifier // nil if no certificate is asked for
	checked  map[*backend.KeyPair]*tls.Certificate
}

func (b implementation) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	s := &server{cfg: *c}
	err := s.cfg.CheckFIPS(b.Info())
	if err != nil {
		return nil, err
	}
	if err = s.cfg.Check(); err != nil {
		return nil, err
	}
	if s.verifier, err = cryptotls.Verifier(&s.cfg.Common, s.cfg.Client != backend.CertNone); err != nil {
		return nil, err
	}
	s.base = configure(&s.cfg.Common)
	if err := s.askForCertificate(); err != nil {
		return nil, err
	}
	s.checked = make(map[*backend.KeyPair]*tls.Certificate)
	for _, pair := range append([]*backend.KeyPair{s.cfg.Default}, s.cfg.Pairs...) {
		if pair == nil {
			continue
		}
		if s.checked[pair], err = cryptotls.ParsePair(pair); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// askForCertificate lets crypto/tls verify where it can: it then sends
// unknown_ca and certificate_expired, where all else is bad_certificate.
func (s *server) askForCertificate() (err error) {
	if s.verifier == nil {
		return nil
	}
	optional := s.cfg.Client == backend.CertOptional
	if s.verifier.NamesLen() > backend.MaxAnchorNames {
		s.base.ClientAuth = tls.RequireAnyClientCert
		if optional {
			s.base.ClientAuth = tls.RequestClientCert
		}
		return nil
	}
	s.base.ClientAuth = tls.RequireAndVerifyClientCert
	if optional {
		s.base.ClientAuth = tls.VerifyClientCertIfGiven
	}
	s.base.ClientCAs, err = s.verifier.Pool()
	return err
}

func (s *server) NewConn(w backend.Wire) backend.Conn {
	c := cryptotls.New(w, s.verifier, x509.ExtKeyUsageClientAuth)
	cfg := s.base.Clone()
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.choose(c, hello) }
	c.Start(tls.Server(c.Net(), cfg))
	return c
}

// choose gives the configuration for one client. An error of it ends the
// handshake with internal_error.
func (s *server) choose(c *cryptotls.Conn, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c.Named(hello.ServerName)
	cert, err := s.certificate(hello.ServerName)
	if err != nil {
		return nil, c.Fail(err)
	}
	cfg := s.base.Clone()
	if cert == nil { // a configuration without a certificate gives unrecognized_name
		cfg.NextProtos = nil
		return cfg, nil
	}
	cfg.Certificates = []tls.Certificate{*c.Own(cert)}
	if !knowsCurve(hello, cert) {
		cfg.CipherSuites = withoutECDSA // so there is none in common
	}
	if s.verifier != nil {
		cfg.VerifyConnection = func(cs tls.ConnectionState) error { return verifyClient(c, cs) }
	}
	if !overlap(cfg.NextProtos, hello.SupportedProtos) {
		// crypto/tls lets a client that has only http/1.1 pass where only h2
		// is configured. Nobody can offer the empty protocol.
		cfg.NextProtos = []string{""}
	}
	if err := s.useTickets(c, cfg, hello, cert.Certificate[0]); err != nil {
		return nil, c.Fail(err)
	}
	return cfg, nil
}

func (s *server) certificate(name string) (*tls.Certificate, error) {
	pair := s.cfg.Default
	if s.cfg.Keys != nil {
		var err error
		if pair, err = s.cfg.Keys(name); err != nil {
			return nil, err
		}
	}
	if pair == nil {
		return nil, nil
	}
	if cert := s.checked[pair]; cert != nil {
		return cert, nil
	}
	return cryptotls.ParsePair(pair)
}

// knowsCurve: in TLS 1.2 an ECDSA key must be on a curve that the client lists
// (RFC 8422, 5.3). crypto/tls only looks at the list for the key exchange. In
// TLS 1.3, which does not ask, the suites that follow from this don't count.
func knowsCurve(hello *tls.ClientHelloInfo, cert *tls.Certificate) bool {
	key, ok := cert.Leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || len(hello.SupportedCurves) == 0 {
		return true
	}
	curve := map[elliptic.Curve]tls.CurveID{
		elliptic.P256(): tls.CurveP256, elliptic.P384(): tls.CurveP384, elliptic.P521(): tls.CurveP521,
	}[key.Curve]
	return slices.Contains(hello.SupportedCurves, curve)
}

var withoutECDSA = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}

// overlap is true where no protocol need be refused.
func overlap(ours, theirs []string) bool {
	if len(ours) == 0 || len(theirs) == 0 {
		return true
	}
	return slices.ContainsFunc(ours, func(p string) bool { return slices.Contains(theirs, p) })
}

// verifyClient adds what crypto/tls has not done.
func verifyClient(c *cryptotls.Conn, cs tls.ConnectionState) error {
	switch {
	case len(cs.PeerCertificates) == 0: // if it is mandatory crypto/tls has refused
		return nil
	case len(cs.VerifiedChains) > 0 && !cs.DidResume: // in a resumed session they are of some days ago
		return c.VerifyPolicy(cs.VerifiedChains)
	}
	return c.Verify(cs.PeerCertificates, "")
}
