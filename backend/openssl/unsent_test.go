//go:build openssl && cgo

package openssl

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// keyUpdate is a message of TLS 1.3; the first part of it is a whole header.
var keyUpdate = []byte{24, 0, 0, 1, 0}

// A forger writes records in the name of a client that has written none after
// its handshake. AES-128-GCM with SHA-256 only.
type forger struct {
	aead cipher.AEAD
	iv   []byte
	seq  byte
}

// record is a handshake record (RFC 8446, 5.2).
func (f *forger) record(content []byte) []byte {
	inner := append(bytes.Clone(content), recordHandshake)
	header := []byte{23, 3, 3, 0, byte(len(inner) + 16)}
	nonce := bytes.Clone(f.iv)
	nonce[len(nonce)-1] ^= f.seq
	f.seq++
	return f.aead.Seal(header, nonce, inner, header)
}

func newForger(t *testing.T, secret []byte) *forger {
	t.Helper()
	expand := func(label string, n int) []byte {
		info := append([]byte{0, byte(n), byte(6 + len(label))}, "tls13 "+label+"\x00"...)
		out, err := hkdf.Expand(sha256.New, secret, string(info), n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	block, err := aes.NewCipher(expand("key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return &forger{aead: aead, iv: expand("iv", 12)}
}

// interrupted is a pair whose client has sent the header of a message.
func interrupted(t *testing.T) (*pair, *forger) {
	t.Helper()
	var secret []byte
	p := pki.New(t)
	server, _ := endpoints(t, 0)
	client, err := Backend.NewClient(&backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{Anchors: p.Anchors(),
		KeyLog: func(line []byte) {
			if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "CLIENT_TRAFFIC_SECRET_0" {
				secret, _ = hex.DecodeString(string(f[2]))
			}
		}}})
	if err != nil {
		t.Fatal(err)
	}
	x := join(server, client)
	t.Cleanup(x.close)
	x.connect(t)
	if s := x.server.State(); s.Cipher != "TLS_AES_128_GCM_SHA256" {
		need.Missing(t, "AES-128-GCM, for forged records", "a processor with AES instructions: this one prefers "+s.Cipher)
	}
	f := newForger(t, secret)
	x.sw.In = f.record(keyUpdate[:4])
	if _, err := x.server.Read(make([]byte, 1)); err != backend.ErrAgain {
		t.Fatalf("%v in the middle of a message", err)
	}
	return x, f
}

// OpenSSL does not write while a message of the peer has come in part; a
// Conn's Write takes everything all the same.
func TestWriteInsideMessage(t *testing.T) {
	p, f := interrupted(t)
	want := ""
	for _, s := range []string{"one ", "two ", "three"} {
		if n, err := p.server.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		want += s
	}
	if err := p.server.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if len(p.sw.Out) > 0 {
		t.Fatal("this test shows nothing: OpenSSL can write now")
	}
	p.sw.In = f.record(keyUpdate[4:])
	if _, err := p.server.Read(make([]byte, 1)); err != backend.ErrAgain {
		t.Fatal(err)
	}
	p.move()
	got, err := io.ReadAll(reader{p.client})
	if string(got) != want || err != nil {
		t.Errorf("got %q, %v; want %q and close_notify", got, err, want)
	}
}

type reader struct{ backend.Conn }

// A peer that never finishes its message can't fill the memory.
func TestUnsentIsBounded(t *testing.T) {
	p, _ := interrupted(t)
	chunk := make([]byte, 64<<10)
	for total := 0; total <= maxUnsent; {
		n, err := p.server.Write(chunk)
		if total += n; err != nil {
			if e, ok := errors.AsType[*backend.Error](err); !ok || e.Kind != backend.Record || e.Reason != backend.BadMessage {
				t.Errorf("%v", err)
			}
			return
		}
	}
	t.Error("everything is kept")
}
