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
	not    bool // it is none of TLS
	alert  bool // it is an alert
	fatal  bool
	number backend.Alert // 0 if it has not come yet
}

const (
	recordAlert     = 21
	recordHandshake = 22
	ssl2            = 0x80 // where a ClientHello of SSL 2 begins
)

func (f *framing) add(p []byte) {
	for len(p) > 0 {
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
			f.first.begin(f.header)
		} else {
			f.first.alert = false
		}
	}
}

func (f *first) begin(header [5]byte) {
	f.kind = header[0]
	f.not = f.kind != recordAlert && f.kind != recordHandshake || header[1] != 3
	f.alert = f.kind == recordAlert && header[3] == 0 && header[4] == 2
}

// check is an error for a first record that libssl would not answer as it
// should: what is no TLS, and, to a server, the client's refusal.
func (f *first) check(server bool) error {
	switch {
	case f.not:
		return errNotTLS
	case server && f.alert && f.fatal && f.number != 0:
		return errFirstAlert
	}
	return nil
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
