package backendtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"reflect"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

var bothVersions = []uint16{backend.TLS12, backend.TLS13}

func versionName(v uint16) string { return tls.VersionName(v) }

// A session is a Conn of the backend and a crypto/tls peer.
type session struct {
	*link
	t        *testing.T
	conn     backend.Conn
	peer     *tls.Conn
	peerDone chan error
	keyLog   bytes.Buffer // the peer's
}

// serve is a session with the backend as the server; a nil edit changes nothing.
func (s suite) serve(t *testing.T, ours func(*backend.ServerConfig), theirs func(*tls.Config)) *session {
	t.Helper()
	cfg := &backend.ServerConfig{Default: s.pki.Server(pki.P256).Pair()}
	if ours != nil {
		ours(cfg)
	}
	e, err := s.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Default != nil {
		clear(cfg.Default.Key) // as the engine does
	}
	return s.session(t, e, tls.Client, &tls.Config{RootCAs: pool(s.pki.Root), ServerName: pki.Host}, theirs)
}

// dial is a session with the backend as the client.
func (s suite) dial(t *testing.T, ours func(*backend.ClientConfig), theirs func(*tls.Config)) *session {
	t.Helper()
	cfg := &backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{Anchors: s.pki.Anchors()}}
	if ours != nil {
		ours(cfg)
	}
	e, err := s.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Keys != nil {
		clear(cfg.Keys.Key)
	}
	return s.session(t, e, tls.Server, &tls.Config{
		Certificates: []tls.Certificate{s.pki.Server(pki.P256).TLS()}, SessionTicketsDisabled: true}, theirs)
}

func (s suite) session(t *testing.T, e backend.Endpoint, peer func(net.Conn, *tls.Config) *tls.Conn, cfg *tls.Config, edit func(*tls.Config)) *session {
	x := &session{link: newLink(), t: t, peerDone: make(chan error, 1)}
	cfg.KeyLogWriter = &x.keyLog
	if edit != nil {
		edit(cfg)
	}
	x.conn = e.NewConn(x.link)
	x.peer = peer(far{x.link}, cfg)
	t.Cleanup(x.conn.Close)
	return x
}

// either runs f with the backend as the server and as the client, in both versions.
func (s suite) either(t *testing.T, f func(t *testing.T, x *session, server bool)) {
	for _, v := range bothVersions {
		pin := func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v }
		t.Run("server "+versionName(v), func(t *testing.T) { f(t, s.serve(t, nil, pin), true) })
		t.Run("client "+versionName(v), func(t *testing.T) { f(t, s.dial(t, nil, pin), false) })
	}
}

// handshake runs both sides and gives our error. Unless it is nil the peer
// then sees our FIN.
func (x *session) handshake() error {
	x.t.Helper()
	go func() {
		err := x.peer.Handshake()
		if err != nil {
			x.peer.NetConn().Close()
		}
		x.peerDone <- err
	}()
	err := x.drive(x.conn.Handshake)
	if err != nil {
		x.hangUp()
	}
	return err
}

// connect is a handshake that must work.
func (x *session) connect() {
	x.t.Helper()
	if err := x.handshake(); err != nil {
		x.t.Fatalf("handshake: %v (%v)", err, errors.Unwrap(err))
	}
	if err := <-x.peerDone; err != nil {
		x.t.Fatalf("the peer's handshake: %v", err)
	}
}

// drive calls f until it has an answer.
func (x *session) drive(f func() error) error {
	x.t.Helper()
	for {
		err := f()
		if err != backend.ErrAgain {
			return err
		}
		if !x.await() {
			x.t.Fatal("the peer does not go on, or ErrAgain although there is input")
		}
	}
}

// peerSaw is the error that the peer ended with, after its handshake if need
// be: a client that speaks TLS 1.3 hears only then what became of it.
func (x *session) peerSaw() error {
	err := <-x.peerDone
	if err == nil {
		_, err = x.peer.Read(make([]byte, 1))
	}
	return err
}

// read fills n bytes from the Conn.
func (x *session) read(n int) []byte {
	x.t.Helper()
	b := make([]byte, n)
	for have := 0; have < n; {
		err := x.drive(func() error {
			k, err := x.conn.Read(b[have:])
			have += k
			return err
		})
		if err != nil {
			x.t.Fatalf("read %d of %d bytes: %v", have, n, err)
		}
	}
	return b
}

// readEnd is the error after the last byte.
func (x *session) readEnd() error {
	x.t.Helper()
	return x.drive(func() error {
		n, err := x.conn.Read(make([]byte, 100))
		if n > 0 || err == nil {
			x.t.Fatalf("%d bytes where the end should be", n)
		}
		return err
	})
}

func (x *session) write(p []byte) {
	x.t.Helper()
	if n, err := x.conn.Write(p); n != len(p) || err != nil {
		x.t.Fatalf("wrote %d of %d bytes: %v", n, len(p), err)
	}
}

func (x *session) peerWrite(p []byte) {
	x.t.Helper()
	if _, err := x.peer.Write(p); err != nil {
		x.t.Fatalf("the peer's write: %v", err)
	}
}

func (x *session) peerRead(n int) []byte {
	x.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(x.peer, b); err != nil {
		x.t.Fatalf("the peer's read: %v", err)
	}
	return b
}

// echo shows that both directions work.
func (x *session) echo() {
	x.t.Helper()
	x.write([]byte("ping"))
	if got := x.peerRead(4); string(got) != "ping" {
		x.t.Fatalf("the peer got %q", got)
	}
	x.peerWrite([]byte("pong"))
	if got := x.read(4); string(got) != "pong" {
		x.t.Fatalf("got %q", got)
	}
}

// alertIn is the alert in an error of a crypto/tls peer, and who sent it.
func alertIn(err error) (a backend.Alert, received bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || reflect.ValueOf(op.Err).Kind() != reflect.Uint8 {
		return 0, false
	}
	return backend.Alert(reflect.ValueOf(op.Err).Uint()), op.Op == "remote error"
}

// expect checks an *Error and that it stays.
func expect(t *testing.T, err error, k backend.Kind, r backend.Reason) *backend.Error {
	t.Helper()
	e, ok := errors.AsType[*backend.Error](err)
	if !ok || e.Kind != k || e.Reason != r {
		t.Fatalf("got %v (%v), want kind %d, %s", err, errors.Unwrap(err), k, r)
	}
	return e
}

func pool(certs ...*pki.Cert) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c.X509)
	}
	return p
}
