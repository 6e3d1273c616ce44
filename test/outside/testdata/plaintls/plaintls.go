// Package plaintls is a TLS backend on crypto/tls with as little in it as the
// contract allows: no session tickets, no choice of the ClientHello.
package plaintls

import (
	"crypto/tls"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

type library struct{}

// Backend is a backend.KeyHolder too.
var Backend backend.Backend = library{}

func (library) Info() backend.Info {
	return backend.Info{Name: "plaintls", Library: "crypto/tls of " + cryptotls.GoVersion(), FIPS: "off"}
}

func (library) HoldKey(name string, der []byte) (backend.Signer, error) {
	return cryptotls.HoldKey(name, der)
}

// config is what both sides have in common.
func config(c *backend.Common) *tls.Config {
	cfg := &tls.Config{
		Time: c.Time, NextProtos: c.ALPN, MinVersion: c.MinVersion, MaxVersion: c.MaxVersion,
		CipherSuites: cryptotls.Suites12, CurvePreferences: cryptotls.Groups, SessionTicketsDisabled: true,
	}
	if c.KeyLog != nil {
		cfg.KeyLogWriter = cryptotls.KeyLog(c.KeyLog)
	}
	return cfg
}

type client struct {
	*cryptotls.Client
	base *tls.Config
}

func (b library) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(b.Info()); err != nil {
		return nil, err
	}
	checked, err := cryptotls.NewClient(c)
	if err != nil {
		return nil, err
	}
	e := &client{checked, config(&checked.Common)}
	e.base.ServerName, e.base.InsecureSkipVerify = e.SNI(), true // Verify does it
	return e, nil
}

func (e *client) NewConn(w backend.Wire) backend.Conn {
	c, cfg := e.Client.NewConn(w), e.base.Clone()
	cfg.VerifyConnection = func(cs tls.ConnectionState) error { return e.Verify(c, cs.PeerCertificates) }
	if e.Certificate != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Own(e.Certificate), nil }
	}
	c.Start(tls.Client(c.Net(), cfg))
	return c
}

type server struct {
	*cryptotls.Server
	base *tls.Config
}

func (b library) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(b.Info()); err != nil {
		return nil, err
	}
	checked, err := cryptotls.NewServer(c)
	if err != nil {
		return nil, err
	}
	if len(c.TicketKeys) > 0 {
		return nil, &backend.Error{Kind: backend.Config, Reason: backend.TicketsUnsupported}
	}
	s := &server{checked, config(&checked.Common)}
	switch s.Client {
	case backend.CertOptional:
		s.base.ClientAuth = tls.RequestClientCert
	case backend.CertMandatory:
		s.base.ClientAuth = tls.RequireAnyClientCert
	}
	return s, nil
}

func (s *server) NewConn(w backend.Wire) backend.Conn {
	c, cfg := s.Server.NewConn(w), s.base.Clone()
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.choose(c, hello) }
	c.Start(tls.Server(c.Net(), cfg))
	return c
}

// choose gives the configuration for one client.
func (s *server) choose(c *cryptotls.Conn, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c.Named(hello.ServerName)
	cert, err := s.Certificate(hello.ServerName)
	if err != nil {
		return nil, c.Fail(err)
	}
	cfg := s.base.Clone()
	if cert == nil { // crypto/tls sends unrecognized_name where it has no certificate
		cfg.NextProtos = nil
		return cfg, nil
	}
	cfg.Certificates = []tls.Certificate{*c.Own(cert)}
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 { // where one must be there crypto/tls has refused
			return nil
		}
		return c.Verify(cs.PeerCertificates, "")
	}
	cfg.CipherSuites = cryptotls.Suites(hello, cert)
	cfg.NextProtos = cryptotls.Protocols(hello, cfg.NextProtos)
	return cfg, nil
}
