package guard

import (
	"bytes"
	"slices"
	"testing"

	"ucspitls/backend"
)

// handshake is messages of TLS, each a type and a body.
func handshake(messages ...any) (b []byte) {
	for i := 0; i < len(messages); i += 2 {
		body := messages[i+1].([]byte)
		b = append(b, byte(messages[i].(int)), byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
		b = append(b, body...)
	}
	return b
}

var (
	hello    = slices.Concat([]byte{3, 3}, hash, []byte{0, 0, 2, 0x13, 1})
	client12 = handshake(1, hello, 2, hello, 11, []byte("chain"), 12, []byte("params"), 13, []byte("ask"), 14, []byte{}, 11, []byte("ours"), 16, []byte("share"))
)

func TestForm(t *testing.T) {
	spaces := bytes.Repeat([]byte{' '}, 64)
	const (
		asServer = "TLS 1.3, server CertificateVerify\x00"
		asClient = "TLS 1.3, client CertificateVerify\x00"
	)
	x := func(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }
	join := func(parts ...any) []byte {
		var b []byte
		for _, p := range parts {
			switch p := p.(type) {
			case string:
				b = append(b, p...)
			case []byte:
				b = append(b, p...)
			}
		}
		return b
	}
	params := func(kind byte, curve uint16, length byte, point []byte) []byte {
		return join(x(64), []byte{kind, byte(curve >> 8), byte(curve), length}, point)
	}
	point := func(n int) []byte { return append([]byte{4}, x(n-1)...) }
	tests := []struct {
		name    string
		version uint16
		server  bool
		message []byte
		good    bool
	}{
		{"1.3 server", backend.TLS13, true, join(spaces, asServer, x(32)), true},
		{"1.3 server, SHA-384", backend.TLS13, true, join(spaces, asServer, x(48)), true},
		{"1.3 client", backend.TLS13, false, join(spaces, asClient, x(32)), true},
		{"1.3, the other role's", backend.TLS13, true, join(spaces, asClient, x(32)), false},
		{"1.3, the other role's", backend.TLS13, false, join(spaces, asServer, x(32)), false},
		{"1.3, no hash", backend.TLS13, true, join(spaces, asServer), false},
		{"1.3, SHA-512", backend.TLS13, true, join(spaces, asServer, x(64)), false},
		{"1.3, a long hash", backend.TLS13, true, join(spaces, asServer, x(33)), false},
		{"1.3, 63 spaces", backend.TLS13, true, join(spaces[1:], asServer, x(32)), false},
		{"1.3, 65 spaces", backend.TLS13, true, join(spaces, " ", asServer, x(32)), false},
		{"1.3, another context", backend.TLS13, true, join(spaces, "TLS 1.3, server CertificateVerifz\x00", x(32)), false},
		{"1.3, no zero", backend.TLS13, true, join(spaces, asServer[:33], x(33)), false},
		{"1.3, nothing", backend.TLS13, true, nil, false},
		{"1.3, 1.2's", backend.TLS13, true, server12, false},

		{"1.2 X25519", backend.TLS12, true, params(3, 29, 32, x(32)), true},
		{"1.2 P-256", backend.TLS12, true, params(3, 23, 65, point(65)), true},
		{"1.2 P-384", backend.TLS12, true, params(3, 24, 97, point(97)), true},
		{"1.2 P-521", backend.TLS12, true, params(3, 25, 133, point(133)), true},
		{"1.2, another curve type", backend.TLS12, true, params(1, 29, 32, x(32)), false},
		{"1.2, unknown curve", backend.TLS12, true, params(3, 22, 65, point(65)), false},
		{"1.2, another curve's length", backend.TLS12, true, params(3, 24, 65, point(65)), false},
		{"1.2, length above the point", backend.TLS12, true, params(3, 29, 32, x(31)), false},
		{"1.2, length below the point", backend.TLS12, true, params(3, 29, 32, x(33)), false},
		{"1.2, compressed point", backend.TLS12, true, params(3, 23, 65, append([]byte{2}, x(64)...)), false},
		{"1.2, no point", backend.TLS12, true, x(68), false},
		{"1.2, randoms alone", backend.TLS12, true, x(64), false},
		{"1.2, 1.3's", backend.TLS12, true, server13, false},
		{"1.2, a client's", backend.TLS12, true, client12, false},

		{"1.2 client", backend.TLS12, false, client12, true},
		{"1.2 client, stapled", backend.TLS12, false, handshake(1, hello, 2, hello, 11, x(9), 22, x(9), 12, x(9), 13, x(9), 14, x(0), 11, x(9), 16, x(9)), true},
		{"1.2 client, a server's", backend.TLS12, false, server12, false},
		{"1.2 client, 1.3's", backend.TLS12, false, client13, false},
		{"1.2 client, nothing", backend.TLS12, false, nil, false},
		{"1.2 client, ClientHello alone", backend.TLS12, false, handshake(1, hello), false},
		{"1.2 client, cut off", backend.TLS12, false, client12[:len(client12)-1], false},
		{"1.2 client, more", backend.TLS12, false, append(slices.Clone(client12), 0), false},
		{"1.2 client, Finished", backend.TLS12, false, append(slices.Clone(client12), handshake(20, x(12))...), false},
		{"1.2 client, no hello", backend.TLS12, false, client12[4+len(hello):], false},
		{"1.2 client, not asked", backend.TLS12, false, handshake(1, hello, 2, hello, 11, x(9), 12, x(9), 14, x(0), 11, x(9), 16, x(9)), false},
		{"1.2 client, short hello", backend.TLS12, false, handshake(1, hello[:34], 2, hello, 11, x(9), 12, x(9), 13, x(9), 14, x(0), 11, x(9), 16, x(9)), false},
		{"1.2 client, hello of 1.1", backend.TLS12, false, handshake(1, join([]byte{3, 2}, hello[2:]), 2, hello, 11, x(9), 12, x(9), 13, x(9), 14, x(0), 11, x(9), 16, x(9)), false},
		{"1.2 client, long session id", backend.TLS12, false, handshake(1, join(hello[:34], []byte{33}), 2, hello, 11, x(9), 12, x(9), 13, x(9), 14, x(0), 11, x(9), 16, x(9)), false},
		{"1.2 client, done with a body", backend.TLS12, false, handshake(1, hello, 2, hello, 11, x(9), 12, x(9), 13, x(9), 14, x(1), 11, x(9), 16, x(9)), false},

		{"no version", 0, true, server12, false},
		{"1.1", 0x0302, true, server12, false},
	}
	for _, c := range tests {
		if got := wellFormed(c.version, c.server, c.message); got != c.good {
			t.Errorf("%s: %v", c.name, got)
		}
		if c.good && len(c.message) > int(longest(c.version, c.server)) {
			t.Errorf("%s: %d bytes are too long", c.name, len(c.message))
		}
	}
}
