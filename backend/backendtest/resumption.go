package backendtest

import (
	"bytes"
	"crypto/tls"
	"testing"

	"ucspitls/backend"
)

// A jar is a client's cache that holds one session, whatever the server's
// name: a client that offers its ticket to anybody.
type jar struct {
	session *tls.ClientSessionState
	puts    int
}

func (j *jar) Get(string) (*tls.ClientSessionState, bool) { return j.session, j.session != nil }

func (j *jar) Put(_ string, s *tls.ClientSessionState) {
	if s != nil { // else the client has found that it is of no use
		j.session = s
		j.puts++
	}
}

// ticket is the one in the jar.
func (j *jar) ticket(t *testing.T) []byte {
	t.Helper()
	if j.session == nil {
		return nil
	}
	b, _, err := j.session.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replace puts another ticket in the place of the one in the jar.
func (j *jar) replace(t *testing.T, ticket []byte) {
	t.Helper()
	_, state, err := j.session.ResumptionState()
	if err == nil {
		j.session, err = tls.NewResumptionState(ticket, state)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A visit is one session of a client with a jar.
type visit struct {
	suite  suite
	t      *testing.T
	v      uint16
	jar    *jar
	server func(*backend.ServerConfig)
	client func(*tls.Config)
}

// to makes an endpoint of its own, as another process would, and visits it.
func (c visit) to(more ...func(*backend.ServerConfig)) *session {
	c.t.Helper()
	return c.suite.serve(c.t, func(cfg *backend.ServerConfig) {
		cfg.TicketKeys = [][]byte{ticketKey(1)}
		for _, edit := range append([]func(*backend.ServerConfig){c.server}, more...) {
			if edit != nil {
				edit(cfg)
			}
		}
	}, func(cfg *tls.Config) {
		cfg.MinVersion, cfg.MaxVersion, cfg.ClientSessionCache = c.v, c.v, c.jar
		if c.client != nil {
			c.client(cfg)
		}
	})
}

// expect is a visit that works, and both sides say whether it was a resumed session.
func (c visit) expect(resumed bool, more ...func(*backend.ServerConfig)) backend.State {
	c.t.Helper()
	x := c.to(more...)
	x.connect()
	x.echo()
	s := x.conn.State()
	if peer := x.peer.ConnectionState().DidResume; s.Resumed != resumed || peer != resumed {
		c.t.Errorf("%s: resumed: we say %v, the peer says %v, want %v", versionName(c.v), s.Resumed, peer, resumed)
	}
	return s
}

func (s suite) visitor(t *testing.T, v uint16) visit {
	return visit{suite: s, t: t, v: v, jar: &jar{}}
}

// ticketKey is a key of its own for each n.
func ticketKey(n byte) []byte { return bytes.Repeat([]byte{n}, backend.TicketKeyLen) }

func withKeys(n ...byte) func(*backend.ServerConfig) {
	return func(cfg *backend.ServerConfig) {
		cfg.TicketKeys = nil
		for _, k := range n {
			cfg.TicketKeys = append(cfg.TicketKeys, ticketKey(k))
		}
	}
}
