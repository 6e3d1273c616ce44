package gotls

import (
	"crypto/tls"
	"crypto/x509"

	"ucspitls/backend"
	"ucspitls/backend/verify"
)

type client struct {
	cfg      backend.ClientConfig
	base     *tls.Config
	verifier *verify.Verifier // nil if nothing is verified
}

func (implementation) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	e := &client{cfg: *c}
	err := e.cfg.Check()
	if err != nil {
		return nil, err
	}
	if e.verifier, err = verifier(&e.cfg.Common, !e.cfg.NoVerifyCert); err != nil {
		return nil, err
	}
	e.base = configure(&e.cfg.Common)
	e.base.ServerName = e.cfg.SNI()
	e.base.InsecureSkipVerify = true // verifyServer does it, so that all backends agree
	if e.cfg.Keys != nil {
		cert, err := parsePair(e.cfg.Keys)
		if err != nil {
			return nil, err
		}
		// Sent whatever issuers the server names: it may know better ones.
		e.base.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return e, nil
}

func (e *client) NewConn(w backend.Wire) backend.Conn {
	c := &conn{shim: shim{wire: w}, verifier: e.verifier, use: x509.ExtKeyUsageServerAuth}
	c.state.ServerName = e.base.ServerName
	cfg := e.base
	if e.verifier != nil {
		cfg = cfg.Clone()
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			err := e.verifier.Peer(cs.PeerCertificates, c.use, e.verifyName())
			c.verified = err == nil
			return err
		}
	}
	c.tls = tls.Client(&c.shim, cfg)
	return c
}

// verifyName is the name to verify: an address stays one.
func (e *client) verifyName() string {
	if n := e.base.ServerName; n != "" {
		return n
	}
	return e.cfg.ServerName
}
