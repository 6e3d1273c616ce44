package gotls

import (
	"crypto/tls"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

type server struct {
	*cryptotls.Server
	base *tls.Config
}

func (b implementation) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(b.Info()); err != nil {
		return nil, err
	}
	checked, err := cryptotls.NewServer(c)
	if err != nil {
		return nil, err
	}
	s := &server{checked, configure(&checked.Common)}
	if err := s.askForCertificate(); err != nil {
		return nil, err
	}
	return s, nil
}

// askForCertificate lets crypto/tls verify where it can: it then sends
// unknown_ca and certificate_expired, where all else is bad_certificate.
func (s *server) askForCertificate() (err error) {
	if s.Verifier == nil {
		return nil
	}
	optional := s.Client == backend.CertOptional
	if s.Verifier.NamesLen() > backend.MaxAnchorNames {
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
	s.base.ClientCAs, err = s.Verifier.Pool()
	return err
}

func (s *server) NewConn(w backend.Wire) backend.Conn {
	c, cfg := s.Server.NewConn(w), s.base.Clone()
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.choose(c, hello) }
	c.Start(tls.Server(c.Net(), cfg))
	return c
}

// choose gives the configuration for one client. An error of it ends the
// handshake with internal_error.
func (s *server) choose(c *cryptotls.Conn, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c.Named(hello.ServerName)
	cert, err := s.Certificate(hello.ServerName)
	if err != nil {
		return nil, c.Fail(err)
	}
	cfg := s.base.Clone()
	if cert == nil { // a configuration without a certificate gives unrecognized_name
		cfg.NextProtos = nil
		return cfg, nil
	}
	cfg.Certificates = []tls.Certificate{*c.Own(cert)}
	cfg.CipherSuites = cryptotls.Suites(hello, cert)
	cfg.NextProtos = cryptotls.Protocols(hello, cfg.NextProtos)
	if s.Verifier != nil {
		cfg.VerifyConnection = func(cs tls.ConnectionState) error { return verifyClient(c, cs) }
	}
	if err := s.useTickets(c, cfg, hello, cert.Certificate[0]); err != nil {
		return nil, c.Fail(err)
	}
	return cfg, nil
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
