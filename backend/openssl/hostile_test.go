//go:build openssl && cgo

package openssl

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
)

// FuzzServer and FuzzClient: what a stranger sends leads to an *Error that
// does not blame us, and any alert that it names is the one in the wire.
func FuzzServer(f *testing.F) {
	server, client := endpoints(f, 0)
	w := &backendtest.Wire{}
	c := client.NewConn(w)
	c.Handshake()
	c.Close()
	f.Add(w.Out)
	f.Add(w.Out[:len(w.Out)/2])
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x01\x00"))
	f.Add([]byte("\x80\x2e\x01\x00\x02"))
	f.Add([]byte("EHLO me\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) { hostile(t, server, in) })
}

func FuzzClient(f *testing.F) {
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		server, _ := endpoints(f, 0)
		client, err := Backend.NewClient(&backend.ClientConfig{NoVerifyCert: true, Common: backend.Common{MaxVersion: v}})
		if err != nil {
			f.Fatal(err)
		}
		p := join(server, client)
		p.client.Handshake()
		p.move()
		p.server.Handshake()
		f.Add(p.sw.Out)
		p.close()
	}
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("220 mail\r\n"))
	_, client := endpoints(f, 0)
	f.Fuzz(func(t *testing.T, in []byte) { hostile(t, client, in) })
}

func hostile(t *testing.T, e backend.Endpoint, in []byte) {
	backendtest.Hostile(t, e, &backendtest.Wire{In: in, End: io.EOF})
}

func TestFirstRecord(t *testing.T) {
	server, client := endpoints(t, 0)
	for _, c := range []struct {
		in   string
		e    backend.Endpoint
		want backend.Error
	}{
		{"\x80\x2e\x01\x00\x02", server, backend.Error{Reason: backend.NotTLS, Alert: backend.AlertProtocolVersion}},
		{"\x15\x03\x01\x00\x02\x02\x28", server, backend.Error{Reason: backend.PeerRefused, Alert: backend.AlertHandshakeFailure, Peer: true}},
		{"\x15\x03\x01\x00\x02\x02\x46", client, backend.Error{Reason: backend.NoVersion, Alert: backend.AlertProtocolVersion, Peer: true}},
		{"\x15\x03\x01\x00\x02\x02", server, backend.Error{Reason: backend.PeerClosed}},
		{"\x16\x02", server, backend.Error{Reason: backend.PeerClosed}},
		{"\x16\x02\x00\x00\x00", server, backend.Error{Reason: backend.NotTLS}},
	} {
		for cut := range len(c.in) { // in two pieces
			w := &twice{backendtest.Wire{In: []byte(c.in[:cut])}, []byte(c.in[cut:])}
			conn := c.e.NewConn(w)
			conn.Handshake()
			e, ok := errors.AsType[*backend.Error](conn.Handshake())
			if !ok || e.Reason != c.want.Reason || e.Alert != c.want.Alert || e.Peer != c.want.Peer {
				t.Errorf("%q cut at %d: %v", c.in, cut, e)
			}
			conn.Close()
		}
	}
}

// twice is a wire whose second part comes after an ErrAgain.
type twice struct {
	backendtest.Wire
	rest []byte
}

func (w *twice) Read(p []byte) (int, error) {
	n, err := w.Wire.Read(p)
	if err == backend.ErrAgain {
		w.In, w.rest, w.End = w.rest, nil, io.EOF
	}
	return n, err
}

func TestHostName(t *testing.T) {
	name := func(kind byte, s string) string {
		return string(append([]byte{kind, byte(len(s) >> 8), byte(len(s))}, s...))
	}
	list := func(s string) []byte { return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...) }
	for _, c := range []struct {
		in   []byte
		want string
		ok   bool
	}{
		{nil, "", true},
		{list(name(0, "a.example")), "a.example", true},
		{list(name(1, "x") + name(0, "a.example")), "a.example", true},
		{list(name(1, "x")), "", true},
		{[]byte{}, "", false},
		{list(""), "", false},
		{list(name(0, "")), "", false},
		{list(name(0, "a.")), "", false},
		{list(name(0, "a") + name(0, "b")), "", false},
		{append(list(name(0, "a")), 0), "", false},
		{list(name(0, "a")[:3]), "", false},
	} {
		if got, ok := hostName(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: %q, %v", c.in, got, ok)
		}
	}
}

func FuzzHostName(f *testing.F) {
	f.Add([]byte("\x00\x0c\x00\x00\x09a.example"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		name, ok := hostName(in)
		if !ok && name != "" || len(name) > len(in) {
			t.Errorf("%q, %v", name, ok)
		}
		if ok && name != "" { // what is written back is read again
			var b cryptobyte.Builder
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
			})
			if again, ok := hostName(b.BytesOrPanic()); again != name || !ok {
				t.Errorf("%q, then %q", name, again)
			}
		}
	})
}

// The framing is the same however the bytes are cut, and knows the end of
// each record.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x00\x02ab\x17\x03\x03\x00\x00"), 3)
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"), 6)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = min(max(cut, 0), len(in))
		var whole, parts framing
		whole.add(in)
		parts.add(in[:cut])
		parts.add(in[cut:])
		if whole != parts {
			t.Errorf("%+v, in two parts %+v", whole, parts)
		}
		rest := in
		for len(rest) >= 5 && len(rest)-5 >= int(rest[3])<<8+int(rest[4]) {
			rest = rest[5+int(rest[3])<<8+int(rest[4]):]
		}
		if whole.inRecord() != (len(rest) > 0) {
			t.Errorf("in a record: %v, %d bytes are left", whole.inRecord(), len(rest))
		}
	})
}

// subject finds what OpenSSL finds.
func TestSubject(t *testing.T) {
	p := pki.New(t)
	for _, c := range []*pki.Cert{p.Root, p.Server(pki.RSA2048), p.BadServer(pki.EmptySubject), p.BadServer(pki.LongSubject)} {
		from, to, ok := subject(c.DER())
		if !ok || string(c.DER()[from:to]) != string(c.X509.RawSubject) {
			t.Errorf("%s: %d to %d, %v", c.X509.Subject, from, to, ok)
		}
		if _, _, ok := subject(append(c.DER()[:len(c.DER()):len(c.DER())], 0)); ok {
			t.Error("trailing bytes are accepted")
		}
	}
}

func FuzzSubject(f *testing.F) {
	p := pki.New(f)
	f.Add(p.Root.DER())
	f.Add(p.BadServer(pki.EmptySubject).DER())
	f.Fuzz(func(t *testing.T, der []byte) {
		if from, to, ok := subject(der); ok && (from < 0 || from >= to || to > len(der) || der[from] != 0x30) {
			t.Errorf("%d to %d of %d", from, to, len(der))
		}
	})
}
