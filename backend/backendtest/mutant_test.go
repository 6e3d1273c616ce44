package backendtest_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/gotls"
)

// A mutant is a backend with one fault, and the scenario that must see it.
type mutant struct {
	scenario string
	server   func(*backend.ServerConfig)
	client   func(*backend.ClientConfig)
	conn     func(backend.Conn, backend.Wire) backend.Conn
}

var mutants = map[string]mutant{
	"none": {},
	"bare FIN looks like close_notify": {scenario: "bare-fin", conn: onRead(func(err error) error {
		if err == backend.ErrBareEOF {
			return io.EOF
		}
		return err
	})},
	"close_notify looks like a FIN": {scenario: "close-notify", conn: onRead(func(err error) error {
		if err == io.EOF {
			return backend.ErrBareEOF
		}
		return err
	})},
	"a cut record looks like a FIN": {scenario: "cut-record", conn: onRead(func(err error) error {
		if e, ok := errors.AsType[*backend.Error](err); ok && e.Kind == backend.Truncated {
			return backend.ErrBareEOF
		}
		return err
	})},
	"forgets the alert":        {scenario: "bad-record", conn: onRead(edited(func(e *backend.Error) { e.Alert = 0 }))},
	"another alert":            {scenario: "bad-record", conn: onRead(edited(func(e *backend.Error) { e.Alert = backend.AlertDecodeError }))},
	"takes the peer's as ours": {scenario: "peer-alert", conn: onRead(edited(func(e *backend.Error) { e.Peer = false }))},
	"leaks a handshake":        {scenario: "close", conn: func(c backend.Conn, _ backend.Wire) backend.Conn { return leaky{c} }},
	"Close writes":             {scenario: "close", conn: func(c backend.Conn, w backend.Wire) backend.Conn { return talkative{c, w} }},
	"unverified peer":          {scenario: "no-verify", conn: func(c backend.Conn, _ backend.Wire) backend.Conn { return gullible{c} }},
	"ignores MinVersion":       {scenario: "versions", server: func(c *backend.ServerConfig) { c.MinVersion = 0 }},
	"ignores MaxVersion":       {scenario: "versions", client: func(c *backend.ClientConfig) { c.MaxVersion = 0 }},
	"ignores the ALPN":         {scenario: "alpn", server: func(c *backend.ServerConfig) { c.ALPN = nil }},
	"ignores CRLs":             {scenario: "crl", client: func(c *backend.ClientConfig) { c.CRLs = nil }},
	"ignores a server's CRLs":  {scenario: "crl", server: func(c *backend.ServerConfig) { c.CRLs = nil }},
	"ignores the clock":        {scenario: "clock", server: func(c *backend.ServerConfig) { c.Time = nil }},
	"ignores the key log":      {scenario: "keylog", client: func(c *backend.ClientConfig) { c.KeyLog = nil }},
	"ignores the fingerprint":  {scenario: "fingerprint", client: func(c *backend.ClientConfig) { c.Fingerprint = "" }},
	"ignores the name":         {scenario: "name", client: func(c *backend.ClientConfig) { c.ServerName = "" }},
	"verifies nothing":         {scenario: "client-failures", client: func(c *backend.ClientConfig) { c.NoVerifyCert = true }},
	"verifies always":          {scenario: "no-verify", client: func(c *backend.ClientConfig) { c.NoVerifyCert = false }},
	"asks for nothing":         {scenario: "client-cert", server: func(c *backend.ServerConfig) { c.Client = backend.CertNone }},
	"mandatory is optional": {scenario: "client-cert", server: func(c *backend.ServerConfig) {
		c.Client = min(c.Client, backend.CertOptional)
	}},
	"has tickets all the same": {scenario: "no-tickets"},
	"sends no tickets":         {scenario: "tickets", server: func(c *backend.ServerConfig) { c.TicketKeys = nil }},
	"knows one ticket key": {scenario: "tickets", server: func(c *backend.ServerConfig) {
		c.TicketKeys = c.TicketKeys[:min(1, len(c.TicketKeys))]
	}},
	"takes old tickets":                {scenario: "ticket-age", server: func(c *backend.ServerConfig) { c.Time = nil }},
	"takes tickets of revoked clients": {scenario: "ticket-peer", server: func(c *backend.ServerConfig) { c.CRLs = nil }},
	"one kind of ticket for all":       {scenario: "ticket-purpose", server: func(c *backend.ServerConfig) { c.ALPN = nil }},
	"has no client certificate":        {scenario: "client-cert", client: func(c *backend.ClientConfig) { c.Keys = nil }},
	"asks twice for the pair": {scenario: "sni", server: func(c *backend.ServerConfig) {
		if keys := c.Keys; keys != nil {
			c.Keys = func(name string) (*backend.KeyPair, error) { keys(name); return keys(name) }
		}
	}},
	"does not know the guard": {scenario: "guard", server: func(c *backend.ServerConfig) {
		if c.Default != nil {
			pair := *c.Default
			pair.Guard, c.Default = nil, &pair
		}
	}},
	"needs no FIPS mode":       {scenario: "fips", client: func(c *backend.ClientConfig) { c.RequireFIPS = false }},
	"gives the default to all": {scenario: "sni", server: func(c *backend.ServerConfig) { c.Keys = nil }},
}

// TestMutants runs the suite against backends with a fault, each in a
// process of its own: a suite that passes one of them tests too little.
func TestMutants(t *testing.T) {
	const variable = "BACKENDTEST_MUTANT"
	if name, ok := os.LookupEnv(variable); ok {
		if name != "none" {
			backendtest.Hurry()
		}
		run := backendtest.Run
		if mutants[name].scenario == "no-tickets" {
			run = backendtest.RunWithoutTickets
		}
		run(t, mutants[name])
		return
	}
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.short", "-test.v", "-test.run=^TestMutants$/^"+m.scenario+"$")
			if m.scenario == "" {
				cmd.Args[3] = "-test.run=^TestMutants$/^(alpn|sni|bad-record|close)$"
			}
			cmd.Env = append(os.Environ(), variable+"="+name)
			out, err := cmd.CombinedOutput()
			failed := err != nil && strings.Contains(string(out), "--- FAIL: TestMutants/"+m.scenario)
			if failed != (m.scenario != "") {
				t.Errorf("the suite says %v:\n%s", err, out)
			}
		})
	}
}

func (m mutant) Info() backend.Info { return gotls.Backend.Info() }

func (m mutant) HoldKey(name string, der []byte) (backend.Signer, error) {
	return gotls.Backend.(backend.KeyHolder).HoldKey(name, der)
}

func (m mutant) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	cfg := *c
	if m.server != nil {
		m.server(&cfg)
	}
	return m.wrap(gotls.Backend.NewServer(&cfg))
}

func (m mutant) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	cfg := *c
	if m.client != nil {
		m.client(&cfg)
	}
	return m.wrap(gotls.Backend.NewClient(&cfg))
}

func (m mutant) wrap(e backend.Endpoint, err error) (backend.Endpoint, error) {
	if err != nil || m.conn == nil {
		return e, err
	}
	return endpoint{e, m.conn}, nil
}

type endpoint struct {
	backend.Endpoint
	conn func(backend.Conn, backend.Wire) backend.Conn
}

func (e endpoint) NewConn(w backend.Wire) backend.Conn { return e.conn(e.Endpoint.NewConn(w), w) }

type reader struct {
	backend.Conn
	f func(error) error
}

func onRead(f func(error) error) func(backend.Conn, backend.Wire) backend.Conn {
	return func(c backend.Conn, _ backend.Wire) backend.Conn { return reader{c, f} }
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	return n, r.f(err)
}

func edited(f func(*backend.Error)) func(error) error {
	return func(err error) error {
		if e, ok := err.(*backend.Error); ok {
			f(e)
		}
		return err
	}
}

type leaky struct{ backend.Conn }

func (leaky) Close() {}

type talkative struct {
	backend.Conn
	w backend.Wire
}

func (c talkative) Close() {
	c.w.Write([]byte{21, 3, 3, 0, 2, 1, 90})
	c.Conn.Close()
}

type gullible struct{ backend.Conn }

func (c gullible) State() backend.State {
	s := c.Conn.State()
	if s.Peer == nil {
		s.Peer = []byte("anybody")
	}
	return s
}
