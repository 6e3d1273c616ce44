package tunnel

import (
	"bytes"
	"strings"
	"testing"
)

// TestCleartext: after a command in cleartext the first record must be one of
// a handshake, in whatever pieces it comes.
func TestCleartext(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		cleartext  bool
	}{
		{"a command of SMTP", "RSET\r\n", true},
		{"one byte of it", "R", true},
		{"a line end", "\n", true},
		{"NUL", "\x00", true},
		{"a ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false},
		{"the beginning of one", "\x16", false},
		{"its type alone, then a command", "\x16RSET\r\n", true},
		{"an alert", "\x15\x03\x03\x00\x02\x02\x28", true},
		{"application data", "\x17\x03\x03\x00\x01x", true},
		{"change_cipher_spec", "\x14\x03\x03\x00\x01\x01", true},
		{"SSLv2", "\x80\x2e\x01\x03\x01", true},
		{"SSLv2 with a long header", "\x00\x30\x00\x01\x03\x01", true},
		{"a command behind a ClientHello's header", "\x16\x03RSET\r\n", false}, // no TLS library takes it
		{"nothing", "", false},
	} {
		for _, chunk := range []int{1, 2, 1000} {
			for _, after := range []bool{true, false} {
				w := newWorld(options{pipe: 1000, window: 1000, chunk: chunk})
				w.t.AfterCommand = after
				w.net.In.Arrive([]byte(c.sent)...)
				if err := w.settle(); err != nil {
					t.Fatal(err)
				}
				want := c.cleartext && after
				if (w.t.err == ErrCleartext) != want {
					t.Errorf("%s, in pieces of %d, after a command: %v: %v", c.name, chunk, after, w.t.err)
				}
				if !want {
					continue
				}
				// Of the header's one good byte the library may have heard.
				if heard := w.t.Conn.(*fakeTLS).in; len(heard) > strings.Index(c.sent, "\x16")+1 {
					t.Errorf("%s, in pieces of %d: the library got %q", c.name, chunk, heard)
				}
				if len(w.got) > 0 || !w.gotEOF {
					t.Errorf("%s: prog got %q, EOF: %v", c.name, w.got, w.gotEOF)
				}
				if !w.net.Out.Fin || bytes.ContainsRune(w.net.Out.Sent, 'A') {
					t.Errorf("%s: FIN: %v, the peer got %q", c.name, w.net.Out.Fin, w.net.Out.Sent)
				}
			}
		}
	}
}
