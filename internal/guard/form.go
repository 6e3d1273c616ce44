package guard

import (
	"bytes"
	"encoding/binary"

	"ucspitls/backend"
)

// What a certificate's key signs in TLS. A guard signs nothing else: neither
// what the other role signs, nor a certificate, a token or a mail.
//
//	TLS 1.3 (RFC 8446, 4.4.3)
//	  64 spaces | "TLS 1.3, server CertificateVerify" | 0 | transcript hash, 32 or 48 bytes
//	            | "TLS 1.3, client CertificateVerify" |
//	TLS 1.2, server (RFC 8422, 5.4)
//	  client random, 32 | server random, 32 | 3 | named curve, 2 | length, 1 | point
//	TLS 1.2, client (RFC 5246, 7.4.8)
//	  all handshake messages so far: type, 1 | length, 3 | body

const (
	random       = 32
	maxPoint     = 133     // P-521
	maxMessages  = 1 << 20 // crypto/tls takes certificates of 256 KiB, and 64 KiB of each other message
	namedCurve   = 3
	uncompressed = 4
)

var spaces = bytes.Repeat([]byte{' '}, 64)

func context(server bool) string {
	if server {
		return "TLS 1.3, server CertificateVerify\x00"
	}
	return "TLS 1.3, client CertificateVerify\x00"
}

// longest is the length of the longest message to be signed, 0 for an unknown version.
func longest(version uint16, server bool) uint32 {
	switch {
	case version == backend.TLS13:
		return uint32(len(spaces) + len(context(server)) + 48)
	case version == backend.TLS12 && server:
		return 2*random + 4 + maxPoint
	case version == backend.TLS12:
		return maxMessages
	}
	return 0
}

// wellFormed reports whether message is what a server or a client signs.
func wellFormed(version uint16, server bool, message []byte) bool {
	switch {
	case version == backend.TLS13:
		hash, ok := bytes.CutPrefix(message, spaces)
		if ok {
			hash, ok = bytes.CutPrefix(hash, []byte(context(server)))
		}
		// The hash is the cipher suite's, whatever the scheme: SHA-256 or SHA-384.
		return ok && (len(hash) == 32 || len(hash) == 48)
	case version == backend.TLS12 && server:
		return isKeyExchange(message)
	case version == backend.TLS12:
		return isTranscript(message)
	}
	return false
}

// isKeyExchange is for both randoms and ServerECDHParams.
func isKeyExchange(message []byte) bool {
	if len(message) < 2*random+4 {
		return false
	}
	params := message[2*random:]
	length, nist := pointLength(binary.BigEndian.Uint16(params[1:]))
	point := params[4:]
	return params[0] == namedCurve && length > 0 && int(params[3]) == length && len(point) == length &&
		(!nist || point[0] == uncompressed)
}

// pointLength knows the curves that the backends take for TLS 1.2 (RFC 8422, 5.1.1).
func pointLength(curve uint16) (length int, nist bool) {
	switch curve {
	case 23:
		return 65, true
	case 24:
		return 97, true
	case 25:
		return 133, true
	case 29:
		return 32, false // X25519
	}
	return 0, false
}

// transcript is what a client of TLS 1.2 has seen and sent when it proves its
// key: the one handshake with ECDHE in which it is asked for a certificate.
var transcript = []struct {
	message  byte
	optional bool
}{
	{1, false},  // ClientHello
	{2, false},  // ServerHello
	{11, false}, // Certificate
	{22, true},  // CertificateStatus
	{12, false}, // ServerKeyExchange
	{13, false}, // CertificateRequest
	{14, false}, // ServerHelloDone
	{11, false}, // our Certificate
	{16, false}, // ClientKeyExchange
}

func isTranscript(b []byte) bool {
	for _, step := range transcript {
		if step.optional && len(b) > 0 && b[0] != step.message {
			continue
		}
		if len(b) < 4 || b[0] != step.message {
			return false
		}
		length := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		body := b[4:]
		if length > len(body) || !fits(step.message, body[:length]) {
			return false
		}
		b = body[length:]
	}
	return len(b) == 0
}

// fits looks at how a hello begins: the version, which is 0x0303 for both TLS 1.2
// and 1.3 (RFC 8446, 4.1.2), a random, a session id of 32 bytes at most.
func fits(message byte, body []byte) bool {
	switch message {
	case 1, 2:
		return len(body) > 2+random && binary.BigEndian.Uint16(body) == backend.TLS12 && body[2+random] <= 32
	case 14:
		return len(body) == 0
	}
	return true
}
