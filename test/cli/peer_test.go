//go:build linux

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/lab/loopback"
)

// network gives both ends of a TCP connection on the loopback: the peer's,
// and the program's as a file that nobody else holds.
func network(t *testing.T) (*tap, *os.File) {
	t.Helper()
	peer, sock, err := joined()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	peer.SetDeadline(time.Now().Add(2 * patience))
	return peer, sock
}

// joined is network for goroutines that must not end a test.
func joined() (*tap, *os.File, error) {
	peer, ours, err := loopback.Pair()
	if err != nil {
		return nil, nil, err
	}
	f, err := loopback.File(ours)
	return &tap{TCPConn: peer}, f, err
}

// dup is one more descriptor of the same socket.
func dup(t *testing.T, f *os.File) *os.File {
	t.Helper()
	second, err := loopback.Dup(f)
	if err != nil {
		t.Fatal(err)
	}
	return second
}

// A tweak changes the configuration of a crypto/tls client.
type tweak func(*tls.Config)

func tls12(c *tls.Config)  { c.MaxVersion = tls.VersionTLS12 }
func tls13(c *tls.Config)  { c.MinVersion = tls.VersionTLS13 }
func noName(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "", true }

func withCert(cert *pki.Cert) tweak {
	return func(c *tls.Config) {
		offered := cert.TLS()
		// Whatever the server says it takes.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &offered, nil }
	}
}

func askFor(name string) tweak {
	return func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = name, true }
}

// versions are the two that every server test goes through.
var versions = []struct {
	name  string
	tweak tweak
}{{"TLSv1.2", tls12}, {"TLSv1.3", tls13}}

// client is a crypto/tls client over conn. It shakes hands with the first use.
func client(t *testing.T, conn net.Conn, tweaks ...tweak) *tls.Conn {
	roots := x509.NewCertPool()
	roots.AddCert(pki.New(t).Root.X509)
	c := &tls.Config{RootCAs: roots, ServerName: pki.Host}
	for _, f := range tweaks {
		f(c)
	}
	return tls.Client(conn, c)
}

// handshake must succeed.
func handshake(t *testing.T, conn net.Conn, tweaks ...tweak) *tls.Conn {
	t.Helper()
	c := client(t, conn, tweaks...)
	if err := c.Handshake(); err != nil {
		t.Fatalf("the client's handshake: %v", err)
	}
	return c
}

// alertOf is the alert that a crypto/tls client got, "" for none.
func alertOf(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return "not an alert: " + op.Err.Error()
	}
	return backend.Alert(v.Uint()).String()
}

// alertIn finds the alert at the end of raw records that were received in
// the clear, "" for none.
func alertIn(b []byte) string {
	alert := ""
	for len(b) >= 5 {
		n := 5 + int(b[3])<<8 + int(b[4])
		if len(b) < n {
			return "a cut record"
		}
		if b[0] == 21 && n == 7 && b[5] == 2 {
			alert = backend.Alert(b[6]).String()
		}
		b = b[n:]
	}
	return alert
}

// drain reads to the end and gives what came, and how it ended: "FIN",
// "reset", or what else.
func drain(r io.Reader) (data []byte, end string) {
	data, err := io.ReadAll(r)
	switch {
	case err == nil:
		return data, "FIN"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return data, "reset"
	}
	return data, err.Error()
}

// reset closes a connection so that the peer gets an RST.
func reset(c *tap) {
	c.SetLinger(0)
	c.Close()
}

// expectPeer reads to the peer's end; notify reports whether a close_notify must come first.
func expectPeer(t *testing.T, c *tls.Conn, want string, notify bool) {
	t.Helper()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("the peer: %v", err)
	}
	if string(got) != want {
		t.Errorf("the peer got %q, want %q", abbreviate(string(got)), abbreviate(want))
	}
	if saw := !c.NetConn().(*tap).sawFIN(); saw != notify {
		t.Errorf("close_notify came: %v, want %v", saw, notify)
	}
}

func readEverything(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("the peer: %v", err)
	}
	return string(data)
}
