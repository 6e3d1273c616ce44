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
func connected(t testing.TB) (server, client backend.Conn, sw, cw *backendtest.Wire) {
	t.Helper()
	se, ce := endpoints(t)
	sw, cw = &backendtest.Wire{}, &backendtest.Wire{}
	server, client = se.NewConn(sw), ce.NewConn(cw)
	for range 10 {
		cerr := client.Handshake()
		sw.In, cw.Out = append(sw.In, cw.Out...), nil
		serr := server.Handshake()
		cw.In, sw.Out = append(cw.In, sw.Out...), nil
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
	w := &backendtest.Wire{Broken: true}
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
		w.Broken = true
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
	c = se.NewConn(&backendtest.Wire{})
	if err := c.Handshake(); err != backend.ErrAgain {
		t.Fatal(err)
	}
	c.Close()
}

// A system error of the Wire is final and is passed on.
func TestWireError(t *testing.T) {
	reset := errors.New("connection reset by peer")
	se, _ := endpoints(t)
	if err := se.NewConn(&backendtest.Wire{End: reset}).Handshake(); !errors.Is(err, reset) {
		t.Errorf("%v", err)
	}
	server, _, w, _ := connected(t)
	w.End = reset
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, reset) {
		t.Errorf("%v", err)
	}
}

// FuzzServer and FuzzClient: what a stranger sends leads to an *Error that
// does not blame us, and any alert that it names is the one in the wire.
func FuzzServer(f *testing.F) {
	_, client := endpoints(f)
	w := &backendtest.Wire{}
	c := client.NewConn(w)
	c.Handshake()
	f.Add(w.Out)
	f.Add(w.Out[:len(w.Out)/2])
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("EHLO me\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		server, _ := endpoints(t)
		backendtest.Hostile(t, server, &backendtest.Wire{In: in, End: io.EOF})
	})
}

func FuzzClient(f *testing.F) {
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		server, _ := endpoints(f)
		client, err := Backend.NewClient(&backend.ClientConfig{NoVerifyCert: true, Common: backend.Common{MaxVersion: v}})
		if err != nil {
			f.Fatal(err)
		}
		cw, sw := &backendtest.Wire{}, &backendtest.Wire{}
		client.NewConn(cw).Handshake()
		sw.In = cw.Out
		server.NewConn(sw).Handshake()
		f.Add(sw.Out)
	}
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("220 mail\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, client := endpoints(t)
		backendtest.Hostile(t, client, &backendtest.Wire{In: in, End: io.EOF})
	})
}
