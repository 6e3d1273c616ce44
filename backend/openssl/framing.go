//go:build openssl && cgo

package openssl

import (
	"encoding/binary"

	"ucspitls/backend"
)

// A framing follows the record headers of what arrives (RFC 8446, 5.1), which
// are in the clear: it knows what the first record is and whether a FIN cuts
// one.
type framing struct {
	header [5]byte
	have   int // bytes of the header
	rest   int // bytes of the record that are still to come
	first  first
}

// first is what has come of the first record.
type first struct {
	kind   byte
	ssl2   bool
	not    bool // it is none of TLS
	alert  bool // it is an alert, and nothing else
	fatal  bool
	number backend.Alert
}

const recordAlert, recordHandshake = 21, 22

func (f *framing) add(p []byte) {
	for len(p) > 0 && !f.first.not {
		if f.rest > 0 {
			n := min(f.rest, len(p))
			f.body(p[:n])
			f.rest -= n
			p = p[n:]
			continue
		}
		n := copy(f.header[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have < len(f.header) {
			return
		}
		f.have, f.rest = 0, int(binary.BigEndian.Uint16(f.header[3:]))
		if f.first.kind == 0 {
			kind := f.header[0]
			f.first.kind = kind
			f.first.ssl2 = kind == 0x80
			f.first.not = kind != recordAlert && kind != recordHandshake || f.header[1] != 3
			f.first.alert = kind == recordAlert && f.rest == 2
		} else {
			f.first.alert = false
		}
	}
}

// body looks at the two bytes of an alert that comes first.
func (f *framing) body(p []byte) {
	if !f.first.alert {
		return
	}
	for i, b := range p {
		if f.rest-i == 2 {
			f.first.fatal = b == 2
		} else {
			f.first.number = backend.Alert(b)
		}
	}
}

func (f *framing) inRecord() bool { return f.have > 0 || f.rest > 0 }
