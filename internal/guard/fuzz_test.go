package guard

import (
	"bytes"
	"testing"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

// FuzzServe: whatever is asked, there is one signature at most, of something
// that TLS signs, with one pair; and the end is an end.
func FuzzServe(f *testing.F) {
	f.Add(true, input(signature))
	f.Add(true, input(request{op: opUse, pair: 1}, signature.with(func(r *request) { r.pair = 1 })))
	f.Add(true, input(request{op: opUse, pair: 2}, signature))
	f.Add(true, input(request{op: opSign, version: backend.TLS12, scheme: backend.PKCS1SHA256, message: server12}))
	f.Add(false, input(request{op: opSign, version: backend.TLS12, scheme: backend.PKCS1SHA256, message: client12}))
	f.Add(false, input(request{op: opSign, version: backend.TLS13, scheme: backend.ECDSASHA384, message: client13}, request{op: opUse}))
	f.Fuzz(func(t *testing.T, server bool, b []byte) {
		answers, used, err := serve(OneConnection, server, b)
		if e, ok := err.(*diag.Error); err != nil && (!ok || e.Code != diag.Setup) {
			t.Fatalf("ended with %v", err)
		}
		signed := 0
		for _, a := range answers {
			key, message, ok := bytes.Cut(a.body, []byte(" "))
			if !ok || a.code != 0 || string(key) != "signed" {
				continue
			}
			message = message[2:] // the key's name
			if signed++; !wellFormed(backend.TLS12, server, message) && !wellFormed(backend.TLS13, server, message) {
				t.Errorf("signed %q", message)
			}
		}
		if signed > 1 {
			t.Errorf("%d signatures", signed)
		}
		for _, pair := range used {
			if pair != used[0] {
				t.Errorf("pairs %d", used)
			}
		}
	})
}

// FuzzAnswers: a guard that lies can't do more than fail.
func FuzzAnswers(f *testing.F) {
	f.Add(answer{0, []byte("key")}.append(answer{0, []byte("signature")}.append(nil)))
	f.Add(failed(bad).append(nil))
	f.Add(failed(bad).append(answer{0, []byte("key")}.append(nil)))
	f.Add([]byte{111, 0, 0, 0, 0, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		g := &Guard{conn: &pipe{Reader: bytes.NewReader(b)}}
		for _, pair := range []uint32{0, 1} {
			s := g.Signer(pair)
			key, err := s.Public()
			if err != nil && key != nil || len(key) > maxAnswer {
				t.Errorf("%d bytes, %v", len(key), err)
			}
			signature, err := s.Sign(backend.TLS13, backend.PSSSHA256, server13)
			if err != nil && signature != nil || len(signature) > maxAnswer {
				t.Errorf("%d bytes, %v", len(signature), err)
			}
		}
		g.Close()
		if _, err := g.Signer(0).Sign(backend.TLS13, backend.PSSSHA256, server13); err == nil {
			t.Error("a signature after the end")
		}
	})
}

// FuzzForm: no message is good for two purposes.
func FuzzForm(f *testing.F) {
	for _, m := range [][]byte{server13, client13, server12, client12} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		n := 0
		for _, v := range []uint16{backend.TLS12, backend.TLS13} {
			for _, server := range []bool{true, false} {
				if wellFormed(v, server, m) {
					n++
				}
			}
		}
		if n > 1 {
			t.Errorf("good for %d purposes: %q", n, m)
		}
	})
}
