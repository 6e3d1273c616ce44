package cryptotls

import (
	"encoding/binary"
	"testing"

	"ucspitls/backend"
)

// plainAlert is what clearAlert is to find, read off the whole stream.
func plainAlert(b []byte) backend.Alert {
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint16(b[3:]))
		if len(b) < 5+n {
			return 0
		}
		if b[0] == 21 && n == 2 && b[5] == 2 && b[6] != 0 {
			return backend.Alert(b[6])
		}
		b = b[5+n:]
	}
	return 0
}

// FuzzClearAlert: it finds the same however the stream is cut into pieces.
func FuzzClearAlert(f *testing.F) {
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x30"), byte(1))
	f.Add([]byte("\x16\x03\x03\x00\x01x\x14\x03\x03\x00\x01\x01\x15\x03\x03\x00\x02\x02\x30"), byte(3))
	f.Add([]byte("\x15\x03\x03\x00\x02\x01\x00\x15\x03\x03\x00\x02\x02\x2a"), byte(6))
	f.Fuzz(func(t *testing.T, in []byte, size byte) {
		var c clearAlert
		for b := in; len(b) > 0; {
			n := min(len(b), int(size)+1)
			c.see(b[:n])
			b = b[n:]
		}
		if want := plainAlert(in); c.alert != want {
			t.Errorf("%d, want %d", c.alert, want)
		}
	})
}

// FuzzTicketRecords: what is held back is the end of what was written, or nothing.
func FuzzTicketRecords(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x01x"), 10)
	f.Add(make([]byte, 200), 100)
	f.Fuzz(func(t *testing.T, p []byte, n int) {
		if n < 1 || n > 1<<16 {
			return
		}
		if k := ticketRecords(p, n); k < 0 || k > len(p) || k > 0 && k < n {
			t.Errorf("%d of %d bytes for a ticket of %d", k, len(p), n)
		}
	})
}
