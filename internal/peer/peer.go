// Package peer says who the other side is, from its verified certificate:
// the values of SSL_PEER_CERT_HASH and SSL_PEER_CERT_SUBJECT. It works on DER, so
// that every backend's certificate is described by the same code.
//
// What it returns goes into environment variables on which programs base
// rights, so every string is printable ASCII and no two different subjects
// share one: what could be mistaken for the notation's own signs is escaped.
package peer

import (
	"crypto/sha256"
	"encoding/hex"
)

// Hash is the value of SSL_PEER_CERT_HASH for a DER certificate: "SHA256:"
// and the digest in lower-case hexadecimal.
func Hash(der []byte) string {
	sum := sha256.Sum256(der)
	return "SHA256:" + hex.EncodeToString(sum[:])
}
