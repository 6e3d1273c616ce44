package utls

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/backendtest/pki"
)

func TestPanic(t *testing.T) {
	c := endpoint(t, "chrome", pki.P256).NewConn(&backendtest.Wire{Broken: true})
	defer c.Close()
	err := c.Handshake()
	if e, ok := errors.AsType[*backend.Error](err); !ok || e.Kind != backend.Handshake || e.Reason != backend.InternalError {
		t.Fatalf("%#v", err)
	}
	if again := c.Handshake(); again != err {
		t.Errorf("then %v", again)
	}
}

// retryRequest is a HelloRetryRequest for a group (RFC 8446, 4.1.4).
func retryRequest(hello []byte, group uint16) []byte {
	m := []byte("\x03\x03\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91\xC2\xA2\x11\x16\x7A\xBB\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C")
	m = append(m, hello[43:76]...) // the session id, as it came
	m = append(m, 0x13, 1, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2)
	m = binary.BigEndian.AppendUint16(m, group)
	head := []byte{22, 3, 3, 0, byte(4 + len(m)), 2, 0, 0, byte(len(m))}
	return append(head, m...)
}

// TestUnsupportedGroup: Firefox offers finite fields, which uTLS can't do.
func TestUnsupportedGroup(t *testing.T) {
	w := &backendtest.Wire{}
	c := endpoint(t, "firefox", pki.P256).NewConn(w)
	defer c.Close()
	if err := c.Handshake(); err != backend.ErrAgain {
		t.Fatal(err)
	}
	w.In = retryRequest(w.Out, 0x0100)
	e, ok := errors.AsType[*backend.Error](c.Handshake())
	if !ok || e.Reason != backend.NoCipher || e.Peer {
		t.Errorf("%v (%v)", e, errors.Unwrap(e))
	}
}

// FuzzClient: whatever a server sends leads to an *Error that does not blame
// us.
func FuzzClient(f *testing.F) {
	names := []string{"chrome", "firefox", "safari", "ios", "edge", "android", "randomized:1", "chrome_58"}
	p := pki.New(f)
	for i, name := range names {
		for _, v := range []uint16{backend.TLS12, backend.TLS13} {
			server, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.RSA2048).Pair(), Common: backend.Common{MaxVersion: v}})
			if err != nil {
				f.Fatal(err)
			}
			cw, sw := &backendtest.Wire{}, &backendtest.Wire{}
			client, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: name, NoVerifyCert: true})
			if err != nil {
				f.Fatal(err)
			}
			client.NewConn(cw).Handshake()
			sw.In = cw.Out
			server.NewConn(sw).Handshake()
			f.Add(byte(i), sw.Out)
			f.Add(byte(i), retryRequest(cw.Out, 0x0100))
		}
		f.Add(byte(i), []byte("\x15\x03\x01\x00\x02\x02\x28"))
		f.Add(byte(i), []byte("220 mail\r\n"))
		f.Add(byte(i), make([]byte, 64))
		f.Add(byte(i), []byte("\x16\x03\x01\xff\xff"))
		f.Add(byte(i), []byte("\x16\x03\x03\x00\x04\x02\x00\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, i byte, in []byte) {
		e, err := Backend.NewClient(&backend.ClientConfig{Fingerprint: names[int(i)%len(names)], NoVerifyCert: true})
		if err != nil {
			t.Fatal(err)
		}
		backendtest.Hostile(t, e, &backendtest.Wire{In: in, End: io.EOF})
	})
}

// FuzzChosenGroup: it reads what a stranger sends, and never asks for more
// than a record.
func FuzzChosenGroup(f *testing.F) {
	f.Add(retryRequest(make([]byte, 100), 23))
	f.Add([]byte("\x16\x03\x03\x00\x04\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, enough := chosenGroup(in)
		if more := len(in) >= 5+1<<16; more && !enough {
			t.Error("wants more than a record")
		}
		if group, again := chosenGroup(append(in[:len(in):len(in)], 0)); enough && !again {
			t.Errorf("has had enough, and then (%d) not", group)
		}
	})
}
