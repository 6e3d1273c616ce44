package main

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Record types and handshake types, RFC 8446, 5.1 and 4; RFC 5246, 7.4.
const (
	recordCipherSpec = 20
	recordAlert      = 21
	recordHandshake  = 22
	recordData       = 23

	clientHello       = 1
	serverHello       = 2
	certificate       = 11
	serverKeyExchange = 12

	// TLS 1.3: an alert, its true type, the tag; Java adds 16 bytes of padding.
	sealedAlert = 2 + 1 + 16
	paddedAlert = sealedAlert + 16
)

// records follows one direction: it reads what is sent in the clear and
// counts the rest.
type records struct {
	pending    []byte // of a record that is not complete
	messages   []byte // of handshake messages
	sealed     bool   // nothing in the clear follows
	lastType   byte
	lastLength int

	sni, alpn               string // of a ClientHello
	protocol, cipher, group string // of a ServerHello
	retry, psk, sawCert     bool
	alert                   string // in the clear
}

func (r *records) resumed() bool {
	return r.psk || r.protocol == "TLSv1.2" && !r.sawCert && r.sealed
}

func (r *records) feed(b []byte) {
	r.pending = append(r.pending, b...)
	for len(r.pending) >= 5 {
		n := 5 + int(binary.BigEndian.Uint16(r.pending[3:]))
		if len(r.pending) < n {
			return
		}
		r.record(r.pending[0], r.pending[5:n])
		r.pending = r.pending[n:]
	}
}

func (r *records) record(kind byte, body []byte) {
	r.lastType, r.lastLength = kind, len(body)
	switch {
	case kind == recordCipherSpec || kind == recordData:
		r.sealed = r.sealed || kind == recordData || r.protocol != "TLSv1.3"
	case r.sealed:
	case kind == recordAlert && len(body) == 2 && (body[0] == 2 || body[1] != 0):
		r.alert = alertName(body[1])
	case kind == recordHandshake:
		r.messages = append(r.messages, body...)
		for len(r.messages) >= 4 {
			n := 4 + int(r.messages[1])<<16 + int(r.messages[2])<<8 + int(r.messages[3])
			if len(r.messages) < n {
				return
			}
			r.message(r.messages[0], &reader{b: r.messages[4:n]})
			r.messages = r.messages[n:]
		}
	}
}

func (r *records) message(kind byte, m *reader) {
	switch kind {
	case clientHello:
		m.skip(2 + 32)
		m.vector8()
		m.vector16()
		m.vector8()
		for id, ext := range m.extensions() {
			switch id {
			case 0:
				list := ext.vector16()
				list.skip(1)
				r.sni = string(list.vector16().b)
			case 16:
				r.alpn = protocols(ext.vector16())
			}
		}
	case serverHello:
		version := m.uint16()
		if string(m.take(32)) == retryRandom {
			r.retry = true
		}
		m.vector8()
		r.cipher = cipherName(m.uint16())
		m.skip(1)
		for id, ext := range m.extensions() {
			switch id {
			case 41:
				r.psk = true
			case 43:
				version = ext.uint16()
			case 51:
				r.group = groupName(ext.uint16())
			}
		}
		r.protocol = map[uint16]string{0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}[version]
		if r.protocol == "" {
			r.protocol = fmt.Sprintf("%#04x", version)
		}
	case certificate:
		r.sawCert = true
	case serverKeyExchange:
		if m.uint8() == 3 { // named_curve
			r.group = groupName(m.uint16())
		}
	}
}

func protocols(list *reader) string {
	var names []string
	for len(list.b) > 0 {
		names = append(names, string(list.vector8().b))
	}
	return strings.Join(names, ",")
}

// retryRandom is the random of a HelloRetryRequest, RFC 8446, 4.1.3.
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91" +
	"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

func cipherName(id uint16) string {
	if name, ok := ciphers[id]; ok {
		return name
	}
	return fmt.Sprintf("%#04x", id)
}

var ciphers = map[uint16]string{
	0x1301: "TLS_AES_128_GCM_SHA256", 0x1302: "TLS_AES_256_GCM_SHA384", 0x1303: "TLS_CHACHA20_POLY1305_SHA256",
	0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384", 0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305",
	0xc02f: "ECDHE-RSA-AES128-GCM-SHA256", 0xc030: "ECDHE-RSA-AES256-GCM-SHA384", 0xcca8: "ECDHE-RSA-CHACHA20-POLY1305",
}

func groupName(id uint16) string {
	if name, ok := groups[id]; ok {
		return name
	}
	return fmt.Sprintf("%#04x", id)
}

var groups = map[uint16]string{
	23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448", 256: "ffdhe2048", 0x11ec: "X25519MLKEM768",
}

// A reader reads TLS vectors. Behind the end everything is zero or empty.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	n = min(n, len(r.b))
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) uint8() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16   { return uint16(r.uint8())<<8 | uint16(r.uint8()) }
func (r *reader) vector8() *reader { return &reader{r.take(int(r.uint8()))} }
func (r *reader) vector16() *reader {
	return &reader{r.take(int(r.uint16()))}
}

// extensions goes through the list at the end of a hello.
func (r *reader) extensions() func(func(uint16, *reader) bool) {
	return func(yield func(uint16, *reader) bool) {
		list := r.vector16()
		for len(list.b) >= 4 {
			id := list.uint16()
			if !yield(id, list.vector16()) {
				return
			}
		}
	}
}
