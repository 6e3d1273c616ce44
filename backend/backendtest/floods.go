package backendtest

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"ucspitls/backend"
)

// floods are peers that send without end what costs them little. Whatever a
// library makes of them, what it keeps and what it answers is bounded.
func (s suite) floods(t *testing.T) {
	const records = 20_000
	for _, f := range []struct {
		name  string
		only  uint16 // a version, 0 for both
		make  func(c *crafter, i int) []byte
		legal bool // must be borne to the end
	}{
		{"KeyUpdates that want an answer", backend.TLS13, func(c *crafter, _ int) []byte {
			b := c.seal(handshakeRecord, message(keyUpdateMsg, 1))
			c.update()
			return b
		}, false},
		{"KeyUpdates with data in between", backend.TLS13, func(c *crafter, _ int) []byte {
			b := c.seal(handshakeRecord, message(keyUpdateMsg, 1))
			c.update()
			return append(b, c.seal(dataRecord, []byte("x"))...)
		}, false},
		{"empty records", 0, func(c *crafter, _ int) []byte { return c.seal(dataRecord, nil) }, false},
		{"tiny records", 0, func(c *crafter, _ int) []byte { return c.seal(dataRecord, []byte("x")) }, true},
		{"warnings", 0, func(c *crafter, _ int) []byte {
			return c.seal(alertRecord, []byte{1, byte(backend.AlertUserCanceled)})
		}, false},
		{"ChangeCipherSpec", backend.TLS13, func(*crafter, int) []byte { return []byte{20, 3, 3, 0, 1, 1} }, false},
		{"a message in one-byte records", backend.TLS13, func(c *crafter, i int) []byte {
			m := append(message(newTicket), make([]byte, records)...)
			m[1], m[2], m[3] = 0xff, 0xff, 0xff
			return c.seal(handshakeRecord, m[i:i+1])
		}, false},
		{"a message of 16 MB", backend.TLS13, func(c *crafter, i int) []byte {
			m := make([]byte, 1<<14)
			if i == 0 {
				m[0], m[1], m[2], m[3] = newTicket, 0xff, 0xff, 0xff
			}
			return c.seal(handshakeRecord, m)
		}, false},
	} {
		t.Run(f.name, func(t *testing.T) {
			s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
				x, c := start()
				if f.only != 0 && f.only != c.version {
					t.Skip("of another version")
				}
				before, wrote := resident(t), x.written()
				x.split = func(have int) int { // as the engine's Wire, for a peer that reads nothing
					if len(x.out.data) > maxAnswer {
						return 0
					}
					return have
				}
				got, sent := 0, 0
				buf := make([]byte, 1000)
				err := backend.ErrAgain
				for i := range records {
					b := f.make(c, i)
					x.inject(b)
					sent += len(b)
					for {
						var n int
						n, err = x.conn.Read(buf)
						got += n
						if err != nil {
							break
						}
					}
					if err != backend.ErrAgain || x.written() > wrote+maxAnswer {
						break
					}
				}
				if f.legal && (err != backend.ErrAgain || got != records) {
					t.Errorf("%v after %d of %d bytes", err, got, records)
				}
				if err != backend.ErrAgain {
					if e, ok := err.(*backend.Error); !ok || e.Kind != backend.Record || e.Reason == backend.InternalError {
						t.Errorf("%#v", err)
					}
				}
				if n := x.written() - wrote; n > maxAnswer+1<<14 {
					t.Errorf("it wrote %d bytes", n)
				}
				if after := resident(t); after > before+48<<20 {
					t.Errorf("grew by %d kB over %d bytes", (after-before)>>10, sent)
				}
				t.Logf("%d bytes sent, %d read, %v", sent, got, err)
			})
		})
	}
	t.Run("before the handshake", s.earlyFloods)
	t.Run("none", s.noFloods)
}

// noFloods: a peer may change its keys, and send tickets, without data of its own.
func (s suite) noFloods(t *testing.T) {
	ticket := message(newTicket, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 4, 't', 'i', 'c', 'k', 0, 0)
	for _, f := range []struct {
		name    string
		n       int
		message []byte
		writes  bool // data goes the other way
		client  bool // only a client gets it
	}{
		{"KeyUpdates", 40, message(keyUpdateMsg, 0), false, false},
		{"KeyUpdates that want an answer", 40, message(keyUpdateMsg, 1), false, false},
		{"KeyUpdates of a peer that downloads", 1000, message(keyUpdateMsg, 0), true, false},
		{"tickets", 40, ticket, false, true},
		{"tickets of a server that is written to", 1000, ticket, true, true},
	} {
		t.Run(f.name, func(t *testing.T) {
			s.crafted(t, func(t *testing.T, start func() (*session, *crafter)) {
				x, c := start()
				if c.version != backend.TLS13 || f.client && c.peer == "CLIENT" {
					return // there is no such message
				}
				buf := make([]byte, 100)
				for i := range f.n {
					x.inject(c.seal(handshakeRecord, f.message))
					if f.message[0] == keyUpdateMsg {
						c.update()
					}
					if n, err := x.conn.Read(buf); n != 0 || err != backend.ErrAgain {
						t.Fatalf("the %dth: %d, %v", i+1, n, err)
					}
					if f.writes {
						if _, err := x.conn.Write([]byte("x")); err != nil {
							t.Fatalf("written after the %dth: %v", i+1, err)
						}
					}
				}
			})
		})
	}
}

// earlyFloods come where a ClientHello is due.
func (s suite) earlyFloods(t *testing.T) {
	hello := s.clientHellos(t)[3]
	fragment := func(b []byte) (out []byte) {
		for _, x := range b[5:] {
			out = append(out, handshakeRecord, 3, 1, 0, 1, x)
		}
		return out
	}
	for _, f := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"a ClientHello in one-byte records", fragment(hello), true},
		{"empty handshake records", bytes.Repeat([]byte{handshakeRecord, 3, 1, 0, 0}, 20_000), false},
		{"warnings", bytes.Repeat([]byte{alertRecord, 3, 1, 0, 2, 1, 90}, 20_000), false},
		{"ChangeCipherSpec", bytes.Repeat([]byte{20, 3, 3, 0, 1, 1}, 20_000), false},
		{"a ClientHello of 16 MB", append([]byte{handshakeRecord, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff}, make([]byte, 1<<24)...), false},
		{"early data without a ticket", append(append([]byte{}, hello...), bytes.Repeat(append([]byte{dataRecord, 3, 3, 0x40, 0}, make([]byte, 1<<14)...), 100)...), false},
	} {
		t.Run(f.name, func(t *testing.T) {
			w := &Wire{In: f.in, End: io.EOF}
			before := resident(t)
			c := s.servers(t)[0].NewConn(w)
			defer c.Close()
			err := c.Handshake()
			e, ok := err.(*backend.Error)
			if !ok || e.Kind != backend.Handshake || e.Reason == backend.InternalError || (e.Reason == backend.PeerClosed) != f.ok {
				t.Errorf("%v", err)
			}
			if len(w.Out) > maxAnswer {
				t.Errorf("it wrote %d bytes", len(w.Out))
			}
			if left := len(w.In); !f.ok && left == 0 && len(f.in) > 1<<20 {
				t.Error("it took everything")
			}
			if after := resident(t); after > before+48<<20 {
				t.Errorf("grew by %d kB", (after-before)>>10)
			}
			runtime.KeepAlive(c)
		})
	}
}
