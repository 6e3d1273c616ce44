package gotls

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
)

func TestBackend(t *testing.T)      { backendtest.Run(t, Backend) }
func BenchmarkBackend(b *testing.B) { backendtest.Bench(b, Backend) }

func TestInfo(t *testing.T) {
	i := Backend.Info()
	if i.Name != "gotls" || i.Library != "crypto/tls of "+runtime.Version() || i.FIPS != "off" && !strings.Contains(i.FIPS, "Module") {
		t.Errorf("%+v", i)
	}
}

// A wire gives fixed bytes, then ErrAgain or whatever end is.
type wire struct {
	in, out []byte
	end     error
	broken  bool // panics
}

func (w *wire) Read(p []byte) (int, error) {
	if w.broken {
		panic("broken wire")
	}
	if len(w.in) == 0 {
		if w.end != nil {
			return 0, w.end
		}
		return 0, backend.ErrAgain
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if w.broken {
		panic("broken wire")
	}
	w.out = append(w.out, p...)
	return len(p), nil
}

func endpoints(t testing.TB) (server, client backend.Endpoint) {
	t.Helper()
	p := pki.New(t)
	server, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), Client: backend.CertOptional,
		Common: backend.Common{Anchors: p.Anchors(), ALPN: []string{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	client, err = Backend.NewClient(&backend.ClientConfig{ServerName: pki.Host, Keys: p.Client(pki.P256).Pair(),
		Common: backend.Common{Anchors: p.Anchors(), ALPN: []string{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

// connected is a server and a client after their handshake.
func connected(t testing.TB) (server, client backend.Conn, sw, cw *wire) {
	t.Helper()
	se, ce := endpoints(t)
	sw, cw = &wire{}, &wire{}
	server, client = se.NewConn(sw), ce.NewConn(cw)
	for range 10 {
		cerr := client.Handshake()
		sw.in, cw.out = append(sw.in, cw.out...), nil
		serr := server.Handshake()
		cw.in, sw.out = append(cw.in, sw.out...), nil
		if cerr == nil && serr == nil {
			return server, client, sw, cw
		}
	}
	t.Fatal("no handshake")
	return
}

// No panic leaves the package, wherever it comes from, and what follows one
// is an error, not a deadlock.
func TestPanic(t *testing.T) {
	se, _ := endpoints(t)
	w := &wire{broken: true}
	c := se.NewConn(w)
	err := c.Handshake()
	if e, ok := errors.AsType[*backend.Error](err); !ok || e.Kind != backend.Handshake || e.Reason != backend.InternalError {
		t.Fatalf("%#v", err)
	}
	if again := c.Handshake(); again != err {
		t.Errorf("then %v", again)
	}
	c.State()
	c.Close()

	for _, use := range []func(backend.Conn) error{
		func(c backend.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		func(c backend.Conn) error { _, err := c.Write([]byte("x")); return err },
		backend.Conn.CloseWrite,
	} {
		server, _, w, _ := connected(t)
		w.broken = true
		err := use(server)
		if e, ok := errors.AsType[*backend.Error](err); !ok || e.Reason != backend.InternalError || e.Kind != backend.Record {
			t.Errorf("%#v", err)
		}
		if again := use(server); again != err {
			t.Errorf("then %v", again)
		}
		server.Close()
	}

	// In mid-handshake, when Close unwinds it.
	c = se.NewConn(&wire{})
	if err := c.Handshake(); err != backend.ErrAgain {
		t.Fatal(err)
	}
	c.Close()
}

// A system error of the Wire is final and is passed on.
func TestWireError(t *testing.T) {
	reset := errors.New("connection reset by peer")
	se, _ := endpoints(t)
	if err := se.NewConn(&wire{end: reset}).Handshake(); !errors.Is(err, reset) {
		t.Errorf("%v", err)
	}
	server, _, w, _ := connected(t)
	w.end = reset
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, reset) {
		t.Errorf("%v", err)
	}
}

// FuzzServer and FuzzClient: what a stranger sends leads to an *Error that
// does not blame us, and any alert that it names is the one in the wire.
func FuzzServer(f *testing.F) {
	_, client := endpoints(f)
	w := &wire{}
	c := client.NewConn(w)
	c.Handshake()
	f.Add(w.out)
	f.Add(w.out[:len(w.out)/2])
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("EHLO me\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		server, _ := endpoints(t)
		hostile(t, server, in)
	})
}

func FuzzClient(f *testing.F) {
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		server, _ := endpoints(f)
		client, err := Backend.NewClient(&backend.ClientConfig{NoVerifyCert: true, Common: backend.Common{MaxVersion: v}})
		if err != nil {
			f.Fatal(err)
		}
		cw, sw := &wire{}, &wire{}
		client.NewConn(cw).Handshake()
		sw.in = cw.out
		server.NewConn(sw).Handshake()
		f.Add(sw.out)
	}
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("220 mail\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, client := endpoints(t)
		hostile(t, client, in)
	})
}

func hostile(t *testing.T, e backend.Endpoint, in []byte) {
	w := &wire{in: in, end: io.EOF}
	c := e.NewConn(w)
	defer c.Close()
	err := c.Handshake()
	be, ok := errors.AsType[*backend.Error](err)
	if !ok || be.Kind != backend.Handshake || be.Reason == "" || be.Reason == backend.InternalError {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	n := len(w.out) - 7
	if n >= 0 && w.out[n] == 21 && w.out[n+4] == 2 && w.out[n+5] == 2 && (be.Peer || be.Alert != backend.Alert(w.out[n+6])) {
		t.Errorf("said %v, sent alert %d", be, w.out[n+6])
	}
	c.State()
}
