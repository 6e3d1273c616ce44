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

// found is what mutated inputs have brought to light, made on purpose: faults
// of the peer that a library takes for its own.
func (s suite) found(t *testing.T) {
	blames := func(t *testing.T, err error, want backend.Reason) {
		t.Helper()
		if e, ok := errors.AsType[*backend.Error](err); !ok || e.Kind != backend.Handshake || e.Reason != want {
			t.Errorf("%v (%v), want %s", err, errors.Unwrap(err), want)
		}
	}
	t.Run("close_notify in the handshake", func(t *testing.T) {
		hello := s.clientHellos(t)[1] // of TLS 1.2: it waits for the client
		w := &Wire{In: append(hello[:len(hello):len(hello)], alertRecord, 3, 3, 0, 2, 1, 0), End: io.EOF}
		c := s.servers(t)[0].NewConn(w)
		defer c.Close()
		blames(t, ask(w, c), backend.PeerClosed)
	})
	t.Run("no ServerKeyExchange", func(t *testing.T) {
		d := s.duelist(t, backend.TLS12)()
		defer d.close()
		var b []byte
		list, _ := mutate.Records(d.serverFlight())
		for _, r := range list {
			if r.Content[0] != 12 {
				b = r.Append(b)
			}
		}
		if len(b) == 0 || len(list) < 4 {
			t.Fatalf("%d records", len(list))
		}
		d.cw.In = b
		blames(t, ask(d.cw, d.client), backend.BadHandshake)
	})
	for _, v := range bothVersions {
		t.Run("a key that can't be read, to a client "+versionName(v), func(t *testing.T) {
			d := s.duelist(t, v)()
			defer d.close()
			d.cw.In = d.spoil(t, d.serverFlight(), "SERVER_HANDSHAKE_TRAFFIC_SECRET", v, s.pki.Server(pki.P256))
			blames(t, ask(d.cw, d.client), backend.PeerBadCert)
		})
		t.Run("a key that can't be read, to a server "+versionName(v), func(t *testing.T) {
			d := s.duelist(t, v)()
			defer d.close()
			d.sw.In = d.spoil(t, d.clientFlight(), "CLIENT_HANDSHAKE_TRAFFIC_SECRET", v, s.pki.Client(pki.P256))
			blames(t, ask(d.sw, d.server), backend.PeerBadCert)
		})
	}
}

// spoil makes the key in a certificate of a flight a point that is on no curve.
func (d *duel) spoil(t *testing.T, flight []byte, label string, v uint16, c *pki.Cert) []byte {
	t.Helper()
	key := c.X509.RawSubjectPublicKeyInfo
	point := key[len(key)-64:]
	wrong := bytes.Repeat([]byte{0xff}, 64)
	if v == backend.TLS12 {
		if !bytes.Contains(flight, point) {
			t.Fatal("no key in the flight")
		}
		return bytes.Replace(flight, point, wrong, 1)
	}
	in, ok := d.inside(flight, label, v)
	if !ok {
		t.Skip("the flight is not sealed with AES-128-GCM")
	}
	if !bytes.Contains(in.messages, point) {
		t.Fatal("no key in the flight")
	}
	var b []byte
	for _, r := range in.before {
		b = r.Append(b)
	}
	return append(b, in.seal.seal(handshakeRecord, bytes.Replace(in.messages, point, wrong, 1))...)
}
