//go:build openssl && cgo

package openssl

import "encoding/binary"

// A framing follows the record headers of what arrives (RFC 8446, 5.1), which
// are in the clear: it knows whether a FIN cuts a record.
type framing struct {
	header [5]byte
	have   int // bytes of the header
	rest   int // bytes of the record that are still to come
	first  bool
}

// add is false if the first record can't be one of TLS.
func (f *framing) add(p []byte) bool {
	for len(p) > 0 {
		if f.rest > 0 {
			n := min(f.rest, len(p))
			f.rest -= n
			p = p[n:]
			continue
		}
		n := copy(f.header[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have < len(f.header) {
			break
		}
		f.have, f.rest = 0, int(binary.BigEndian.Uint16(f.header[3:]))
		if !f.first {
			if kind := f.header[0]; kind != recordAlert && kind != recordHandshake || f.header[1] != 3 {
				return false
			}
			f.first = true
		}
	}
	return true
}

const recordAlert, recordHandshake = 21, 22

func (f *framing) inRecord() bool { return f.have > 0 || f.rest > 0 }
