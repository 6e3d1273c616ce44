//go:build openssl && cgo

package openssl

import (
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// groupName is the contract's word for a group of OpenSSL's.
func groupName(s string) string {
	switch strings.ToLower(s) {
	case "secp256r1", "prime256v1", "p-256":
		return "P-256"
	case "secp384r1", "p-384":
		return "P-384"
	case "secp521r1", "p-521":
		return "P-521"
	case "x25519":
		return "X25519"
	case "x25519mlkem768":
		return "X25519MLKEM768"
	}
	return s
}

// hostName reads the server_name extension (RFC 6066, 3): at most one name of
// type 0, which isn't empty and has no final dot. No extension is no name.
func hostName(extension []byte) (name string, ok bool) {
	if extension == nil {
		return "", true
	}
	s := cryptobyte.String(extension)
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) || list.Empty() || !s.Empty() {
		return "", false
	}
	for !list.Empty() {
		var kind uint8
		var data cryptobyte.String
		if !list.ReadUint8(&kind) || !list.ReadUint16LengthPrefixed(&data) || data.Empty() {
			return "", false
		}
		if kind != 0 {
			continue
		}
		if name != "" || data[len(data)-1] == '.' {
			return "", false
		}
		name = string(data)
	}
	return name, true
}
