package gotls

import (
	"crypto/tls"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

type client struct {
	*cryptotls.Client
	base *tls.Config
}

func (b implementation) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(b.Info()); err != nil {
		return nil, err
	}
	checked, err := cryptotls.NewClient(c)
	if err != nil {
		return nil, err
	}
	e := &client{checked, configure(&checked.Common)}
	e.base.ServerName = e.SNI()
	e.base.InsecureSkipVerify = true // VerifyConnection does it, so that all backends agree
	return e, nil
}

func (e *client) NewConn(w backend.Wire) backend.Conn {
	c, cfg := e.Client.NewConn(w), e.base.Clone()
	cfg.VerifyConnection = func(cs tls.ConnectionState) error { return e.Verify(c, cs.PeerCertificates) }
	if e.Certificate != nil {
		// Sent whatever issuers the server names: it may know better ones.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Own(e.Certificate), nil }
	}
	c.Start(tls.Client(c.Net(), cfg))
	return c
}
