package utls

import (
	"crypto/ecdh"
	"crypto/tls"
	"errors"
	"reflect"

	utls "github.com/refraction-networking/utls"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

type client struct {
	*cryptotls.Client
	hello helloFunc
	base  *utls.Config
}

func newClient(checked *cryptotls.Client, hello helloFunc) *client {
	e := &client{checked, hello, &utls.Config{
		Time:                        checked.Time,
		ServerName:                  checked.SNI(),
		InsecureSkipVerify:          true, // VerifyConnection does it
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
	}}
	if checked.KeyLog != nil {
		e.base.KeyLogWriter = cryptotls.KeyLog(checked.KeyLog)
	}
	if c := checked.Certificate; c != nil {
		cert := &utls.Certificate{Certificate: c.Certificate, PrivateKey: c.PrivateKey, Leaf: c.Leaf}
		cert.SupportedSignatureAlgorithms = signatures // which has no SHA-1
		e.base.GetClientCertificate = func(*utls.CertificateRequestInfo) (*utls.Certificate, error) { return cert, nil }
	}
	return e
}

func (e *client) NewConn(w backend.Wire) backend.Conn {
	// uTLS writes to the configuration what it finds in the ClientHello.
	c, cfg := e.Client.NewConn(w), e.base.Clone()
	cfg.VerifyConnection = func(cs utls.ConnectionState) error {
		if !goodSuite(cs.CipherSuite) {
			return &backend.Error{Kind: backend.Handshake, Reason: backend.NoCipher}
		}
		return e.Verify(c, cs.PeerCertificates)
	}
	l := &library{endpoint: e, shares: &shares{Conn: c.Net()}}
	l.UConn = utls.UClient(l.shares, cfg, utls.HelloCustom)
	l.shares.use = func(key *ecdh.PrivateKey) { l.HandshakeState.State13.KeyShareKeys.Ecdhe = key }
	c.Start(l)
	return c
}

// A library is a connection of uTLS in the types of crypto/tls.
type library struct {
	*utls.UConn
	endpoint *client
	shares   *shares
}

func (l *library) Handshake() error {
	spec, reason := l.endpoint.spec()
	if reason != "" {
		return errors.New(string(reason))
	}
	if err := l.shares.fill(spec); err != nil {
		return err
	}
	if err := l.ApplyPreset(spec); err != nil {
		return err
	}
	return translated(l.UConn.Handshake())
}

func (l *library) Read(p []byte) (int, error) {
	n, err := l.UConn.Read(p)
	return n, translated(err)
}

// translated: of its own types of errors this is the one that matters.
func translated(err error) error {
	if e, ok := errors.AsType[utls.RecordHeaderError](err); ok {
		return tls.RecordHeaderError{Msg: e.Msg, RecordHeader: e.RecordHeader, Conn: e.Conn}
	}
	return err
}

func (l *library) ConnectionState() tls.ConnectionState {
	cs := l.UConn.ConnectionState()
	state := tls.ConnectionState{
		Version:            cs.Version,
		CipherSuite:        cs.CipherSuite,
		NegotiatedProtocol: cs.NegotiatedProtocol,
		DidResume:          cs.DidResume,
		HandshakeComplete:  cs.HandshakeComplete,
		PeerCertificates:   cs.PeerCertificates,
	}
	// uTLS has no place for the group in its state; a release that keeps it
	// elsewhere leaves it out.
	if group := reflect.ValueOf(l.Conn).Elem().FieldByName("curveID"); group.IsValid() && group.CanUint() {
		state.CurveID = tls.CurveID(group.Uint())
	}
	return state
}
