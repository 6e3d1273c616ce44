package backendtest

import (
	"testing"

	"ucspitls/backend"
)

// broken checks that a record ends the session with the right words, for
// good, and that the alert is the one that the peer gets.
func broken(t *testing.T, x *session, r backend.Reason) *backend.Error {
	t.Helper()
	err := x.readEnd()
	e := expect(t, err, backend.Record, r)
	if again := x.readEnd(); again != err {
		t.Errorf("then %v", again)
	}
	if n, err := x.conn.Write([]byte("x")); n != 0 || err == nil || err == backend.ErrAgain {
		t.Errorf("wrote %d, %v after a fatal alert", n, err)
	}
	if heard := x.hears(); e.Peer || e.Alert == 0 || heard != e.Alert {
		t.Errorf("%v: the peer got %s", e, heard)
	}
	return e
}

func (s suite) badRecord(t *testing.T) {
	flip := func(at int) func(*session, *crafter) []byte {
		return func(_ *session, c *crafter) []byte {
			b := c.seal(dataRecord, []byte("hello"))
			b[(at+len(b))%len(b)] ^= 1
			return b
		}
	}
	fixed := func(b string) func(*session, *crafter) []byte {
		return func(*session, *crafter) []byte { return []byte(b) }
	}
	for _, c := range []struct {
		name string
		make func(*session, *crafter) []byte
		want backend.Alert // 0: whatever the library thinks right
	}{
		{"last byte flipped", flip(-1), backend.AlertBadRecordMAC},
		{"first byte of the content flipped", flip(13), backend.AlertBadRecordMAC},
		{"replayed", func(x *session, c *crafter) []byte {
			b := c.seal(dataRecord, []byte("x"))
			x.inject(b)
			x.read(1)
			return b
		}, backend.AlertBadRecordMAC},
		{"too short for a MAC", fixed("\x17\x03\x03\x00\x05hello"), 0},
		{"plaintext", fixed("QUIT\r\n"), 0},
		{"a handshake message in the clear", fixed("\x16\x03\x03\x00\x04\x00\x00\x00\x00"), 0},
		{"an alert in the clear", fixed("\x15\x03\x03\x00\x02\x02\x28"), 0},
		{"oversized header", fixed("\x17\x03\x03\xff\xff" + string(make([]byte, 100))), backend.AlertRecordOverflow},
		{"oversized content", func(_ *session, c *crafter) []byte { return c.seal(dataRecord, make([]byte, 16385)) }, backend.AlertRecordOverflow},
		{"unknown type", func(_ *session, c *crafter) []byte { return c.seal(99, []byte("x")) }, backend.AlertUnexpectedMessage},
		{"a long alert", func(_ *session, c *crafter) []byte { return c.seal(alertRecord, []byte{1, 2, 3}) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
				x, craft := start()
				x.inject(c.make(x, craft))
				e := broken(t, x, backend.BadRecord)
				if c.want != 0 && e.Alert != c.want {
					t.Errorf("%v, want %s", e, c.want)
				}
			})
		})
	}
	t.Run("after our close_notify", func(t *testing.T) {
		// No alert is owed any more, and OpenSSL sends none.
		s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
			x, c := start()
			if err := x.conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			b := c.seal(dataRecord, []byte("hello"))
			b[len(b)-1] ^= 1
			x.inject(b)
			if e := expect(t, x.readEnd(), backend.Record, backend.BadRecord); e.Peer {
				t.Errorf("%v", e)
			}
			if x, c = start(); c.version == backend.TLS12 {
				return // OpenSSL takes no notice of a message there
			}
			if err := x.conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			x.inject(c.seal(handshakeRecord, message(finished, make([]byte, 32)...)))
			if e := expect(t, x.readEnd(), backend.Record, backend.BadMessage); e.Peer {
				t.Errorf("%v", e)
			}
		})
	})
	t.Run("data before it arrives", func(t *testing.T) {
		s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
			x, c := start()
			x.inject(c.seal(dataRecord, []byte("good")))
			x.inject([]byte("\x15\x03\x03\x00\x30" + string(make([]byte, 48))))
			if got := x.read(4); string(got) != "good" {
				t.Errorf("got %q", got)
			}
			broken(t, x, backend.BadRecord)
		})
	})
}

func (s suite) peerAlert(t *testing.T) {
	s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
		for _, a := range []backend.Alert{backend.AlertHandshakeFailure, backend.AlertBadRecordMAC, backend.AlertInternalError, backend.AlertDecodeError, 199} {
			x, c := start()
			x.inject(c.seal(dataRecord, []byte("before")))
			x.inject(c.seal(alertRecord, []byte{2, byte(a)}))
			x.read(6)
			for range 2 {
				if e := expect(t, x.readEnd(), backend.Record, backend.PeerAlert); !e.Peer || e.Alert != a {
					t.Errorf("%v, want %s of the peer", e, a)
				}
			}
		}
		x, c := start() // a warning that means nothing
		x.inject(c.seal(alertRecord, []byte{1, byte(backend.AlertUserCanceled)}))
		x.inject(c.seal(dataRecord, []byte("after")))
		if s.forked(x) && c.version == backend.TLS13 {
			if e := expect(t, x.readEnd(), backend.Record, backend.PeerAlert); !e.Peer || e.Alert != backend.AlertUserCanceled {
				t.Errorf("%v", e)
			}
			return
		}
		if got := x.read(5); string(got) != "after" {
			t.Errorf("got %q", got)
		}
	})
}

func (s suite) keyUpdate(t *testing.T) {
	s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
		x, c := start()
		if c.version != backend.TLS13 {
			t.Skip("TLS 1.2 has none")
		}
		turn := true
		x.split = func(have int) int { // byte by byte, with gaps
			if turn = !turn; turn {
				return 0
			}
			return 1
		}
		for i := range 10 {
			x.inject(c.seal(handshakeRecord, message(keyUpdateMsg, byte(i%2)))) // every other one wants an answer
			c.update()
			x.inject(c.seal(dataRecord, []byte("new keys")))
			if got := x.read(8); string(got) != "new keys" {
				t.Fatalf("got %q", got)
			}
			x.write([]byte("answer"))
			if got := x.peerRead(6); string(got) != "answer" {
				t.Fatalf("the peer got %q", got)
			}
		}
		// In two records, with nothing in between.
		m := message(keyUpdateMsg, 0)
		x.inject(c.seal(handshakeRecord, m[:2]))
		for range 200 {
			if n, err := x.conn.Read(make([]byte, 1)); n != 0 || err != backend.ErrAgain {
				t.Fatalf("%d, %v in the middle of a message", n, err)
			}
		}
		x.inject(c.seal(handshakeRecord, m[2:]))
		c.update()
		x.inject(c.seal(dataRecord, []byte("!")))
		x.read(1)
		// A value that there is not.
		x.inject(c.seal(handshakeRecord, message(keyUpdateMsg, 2)))
		broken(t, x, s.malformed(x))
	})
}

// postHandshake: messages of TLS 1.3 that have no place after its handshake.
func (s suite) postHandshake(t *testing.T) {
	s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
		for _, m := range [][]byte{message(finished, make([]byte, 32)...), message(newTicket, 1, 2, 3), nil} {
			x, c := start()
			if c.version != backend.TLS13 {
				t.Skip("see renegotiation")
			}
			want := backend.BadMessage
			switch {
			case m == nil:
				m = x.hello()
			case m[0] == newTicket:
				want = s.malformed(x)
			}
			x.inject(c.seal(handshakeRecord, m))
			broken(t, x, want)
		}
	})
}

func (s suite) renegotiation(t *testing.T) {
	s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
		x, c := start()
		if c.version != backend.TLS12 {
			t.Skip("TLS 1.3 has none")
		}
		m := message(helloRequest)
		server := x.hello()[0] == clientHello
		if server {
			m = x.hello()
		}
		x.inject(c.seal(handshakeRecord, m))
		if server {
			broken(t, x, backend.Renegotiation)
			return
		}
		// no_renegotiation is a warning; crypto/tls drops it silently.
		if e := expect(t, x.readEnd(), backend.Record, backend.Renegotiation); e.Peer || e.Alert != backend.AlertNoRenegotiation {
			t.Errorf("%v", e)
		}
		if x.mu.Lock(); x.out.data[0] != alertRecord {
			t.Error("no alert was sent")
		}
		x.mu.Unlock()
	})
}
