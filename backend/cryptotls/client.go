package cryptotls

import (
	"crypto/tls"
	"crypto/x509"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls/verify"
)

// A Client is a client's configuration that was checked.
type Client struct {
	backend.ClientConfig
	Certificate *tls.Certificate // nil for none
	verifier    *verify.Verifier // nil if nothing is verified
}

// NewClient checks c. Its errors are an *Error of kind Config.
func NewClient(c *backend.ClientConfig) (*Client, error) {
	e := &Client{ClientConfig: *c}
	err := e.Check()
	if err != nil {
		return nil, err
	}
	if e.verifier, err = Verifier(&e.Common, !e.NoVerifyCert); err != nil {
		return nil, err
	}
	if e.Keys != nil {
		e.Certificate, err = ParsePair(e.Keys)
	}
	return e, err
}

// NewConn is a Conn without its library.
func (e *Client) NewConn(w backend.Wire) *Conn {
	c := New(w, e.verifier, x509.ExtKeyUsageServerAuth)
	c.Named(e.SNI())
	return c
}

// Verify is for the library's VerifyConnection. Without a server name any will do;
// an address stays one.
func (e *Client) Verify(c *Conn, presented []*x509.Certificate) error {
	if e.verifier == nil {
		return nil
	}
	name := e.SNI()
	if name == "" {
		name = e.ServerName
	}
	return c.Verify(presented, name)
}

// Verifier is nil where nothing is verified.
func Verifier(c *backend.Common, wanted bool) (*verify.Verifier, error) {
	if !wanted {
		return nil, nil
	}
	return verify.New(c)
}
