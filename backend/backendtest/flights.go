package backendtest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/mutate"
	"ucspitls/backend/backendtest/pki"
)

// A duel is two Conns of the backend with the test as the network.
type duel struct {
	client, server backend.Conn
	cw, sw         *Wire
	keyLog         bytes.Buffer
}

// duelist makes duels of one version, on endpoints that are made once.
func (s suite) duelist(t *testing.T, v uint16) func() *duel {
	var log *bytes.Buffer // of the duel that is on
	keep := func(line []byte) { log.Write(append(line, '\n')) }
	server, err := s.NewServer(&backend.ServerConfig{Default: s.pki.Server(pki.P256).Pair(), Client: backend.CertOptional,
		Common: backend.Common{Anchors: s.pki.Anchors(), MaxVersion: v, ALPN: []string{"a"}, KeyLog: keep}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.NewClient(&backend.ClientConfig{ServerName: pki.Host, Keys: s.pki.Client(pki.P256).Pair(),
		Common: backend.Common{Anchors: s.pki.Anchors(), MaxVersion: v, ALPN: []string{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	return func() *duel {
		d := &duel{cw: &Wire{}, sw: &Wire{}}
		log = &d.keyLog
		d.client, d.server = client.NewConn(d.cw), server.NewConn(d.sw)
		return d
	}
}

func (d *duel) close() { d.client.Close(); d.server.Close() }

// toServer and toClient hand over what the other side said.
func (d *duel) toServer() []byte { b := d.cw.Out; d.cw.Out = nil; return b }
func (d *duel) toClient() []byte { b := d.sw.Out; d.sw.Out = nil; return b }

// serverFlight is what the server says to the ClientHello.
func (d *duel) serverFlight() []byte {
	d.client.Handshake()
	d.sw.In = d.toServer()
	d.server.Handshake()
	return d.toClient()
}

// clientFlight is what the client says to that.
func (d *duel) clientFlight() []byte {
	d.cw.In = d.serverFlight()
	d.client.Handshake()
	return d.toServer()
}

// flights are answers of a server, mutated on their way to the client, or the
// second flights of a client with a certificate.
func (s suite) flights(t *testing.T, server bool, v uint16, n int) {
	start := s.duelist(t, v)
	b := &batch{t: t, n: n}
	b.run(func(m *mutate.Mutator) error {
		d := start()
		defer d.close()
		flight, label, to, hears := (*duel).clientFlight, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", d.sw, d.server
		if server {
			flight, label, to, hears = (*duel).serverFlight, "SERVER_HANDSHAKE_TRAFFIC_SECRET", d.cw, d.client
		}
		said, sealed := flight(d), nothing
		if inside, ok := d.inside(said, label, v); ok && m.IntN(3) > 0 {
			said, sealed = inside.mutated(m)
		} else {
			said = m.Flight(said)
		}
		to.In, to.End = said, io.EOF
		return unchanged(ask(to, hears), sealed)
	})
	if b.counts[backend.BadHandshake] == 0 {
		t.Errorf("the inputs are all of one kind: %v", b.counts)
	}
}

// An encrypted flight of TLS 1.3, opened: what stands before it, its messages,
// and what seals them again.
type inside struct {
	before   []mutate.Record
	messages []byte
	seal     *crafter
}

// inside opens a flight with a secret of the key log. It is false for what is
// not encrypted, or not with AES-128-GCM.
func (d *duel) inside(flight []byte, label string, v uint16) (*inside, bool) {
	list, ok := mutate.Records(flight)
	if !ok || v != backend.TLS13 {
		return nil, false
	}
	secret := secretIn(&d.keyLog, label)
	if secret == nil || len(secret) != 32 {
		return nil, false
	}
	in := &inside{seal: &crafter{version: v, secret: secret}}
	in.seal.rekey()
	open := *in.seal
	for i, r := range list {
		if r.Type != mutate.Data {
			in.before = list[:i+1]
			continue
		}
		content, ok := open.open(r.Append(nil))
		if !ok {
			return nil, false
		}
		in.messages = append(in.messages, content...)
	}
	return in, len(in.messages) > 0
}

// What came of messages that were sealed again.
type resealed uint8

const (
	nothing   resealed = iota // nothing was
	same                      // they are the old ones
	different                 // Finished can't fit them
)

var errForged = errors.New("a handshake with forged messages was accepted")

// unchanged makes an error of a handshake that must not have gone well.
func unchanged(err error, r resealed) error {
	if err == nil && r == different {
		return errForged
	}
	return err
}

// mutated is the flight with other messages, sealed as the peer would have.
func (in *inside) mutated(m *mutate.Mutator) (b []byte, r resealed) {
	for _, r := range in.before {
		b = r.Append(b)
	}
	messages := m.Messages(in.messages, true)
	r = different
	if bytes.HasPrefix(messages, in.messages) { // what stands behind Finished is another matter
		r = same
	}
	for size := 1 << 14; len(messages) > 0; {
		if m.IntN(10) == 0 {
			size = 1 + m.IntN(200)
		}
		n := min(len(messages), size)
		typ := byte(handshakeRecord)
		if m.IntN(50) == 0 {
			typ = byte(m.Uint32())
		}
		b = append(b, in.seal.seal(typ, messages[:n])...)
		messages = messages[n:]
	}
	return b, r
}
