package peer

import (
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// unescape reads a subject back; it fails where one is ambiguous.
func unescape(subject string) (rdns [][]attr, err error) {
	for subject != "" {
		joined := strings.HasPrefix(subject, " + ") && rdns != nil
		if !joined && subject[0] != '/' {
			return nil, fmt.Errorf("no separator at %q", subject)
		}
		subject = strings.TrimPrefix(strings.TrimPrefix(subject, " + "), "/")
		name, rest, ok := strings.Cut(subject, "=")
		if !ok {
			return nil, fmt.Errorf("no = in %q", subject)
		}
		value := []byte{}
		for rest != "" && rest[0] != '/' && !strings.HasPrefix(rest, " + ") {
			switch {
			case rest[0] < ' ' || rest[0] > '~' || rest[0] == '+':
				return nil, fmt.Errorf("bare %q", rest[0])
			case rest[0] != '\\':
				value, rest = append(value, rest[0]), rest[1:]
			case strings.HasPrefix(rest, `\x`):
				n, err := strconv.ParseUint(rest[2:4], 16, 8)
				if err != nil {
					return nil, err
				}
				value, rest = append(value, byte(n)), rest[4:]
			default:
				value, rest = append(value, rest[1]), rest[2:]
			}
		}
		for _, a := range attributeTypes {
			if a.name == name {
				name = a.oid
			}
		}
		a := attr{oid: name, value: string(value)}
		if joined {
			rdns[len(rdns)-1] = append(rdns[len(rdns)-1], a)
		} else {
			rdns = append(rdns, []attr{a})
		}
		subject = rest
	}
	return rdns, nil
}

// FuzzSubject: never a panic; and what is printed can be read back to the
// same attributes, so that no two subjects look alike.
func FuzzSubject(f *testing.F) {
	for _, s := range subjects {
		f.Add(rawName(s.rdns...))
	}
	f.Add([]byte{0x30, 2, 0x31, 0})
	f.Fuzz(func(t *testing.T, name []byte) {
		Subject(name)
		subject, err := Subject(wrap(name))
		if err != nil {
			return
		}
		back, err := unescape(subject)
		if err != nil {
			t.Fatalf("%q: %v", subject, err)
		}
		again, err := Subject(wrap(rawName(back...)))
		if err != nil || again != subject {
			t.Fatalf("%q was read back as %q, %v", subject, again, err)
		}
		// the same attributes as in the DER, whatever the string types
		var raw asn1.RawValue
		if _, err := asn1.Unmarshal(name, &raw); err != nil {
			t.Fatal(err)
		}
		if got, want := plain(rawName(back...)), plain(raw.FullBytes); got != want {
			t.Fatalf("%q holds %q, the certificate %q", subject, got, want)
		}
	})
}

// plain is a Name without its string types.
func plain(name []byte) string {
	in := cryptobyte.String(name)
	var out strings.Builder
	var rdn, attribute, oid, value cryptobyte.String
	var tag cbasn1.Tag
	for in.ReadASN1(&in, cbasn1.SEQUENCE); in.ReadASN1(&rdn, cbasn1.SET); {
		out.WriteString("RDN")
		for rdn.ReadASN1(&attribute, cbasn1.SEQUENCE) && attribute.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) && attribute.ReadAnyASN1(&value, &tag) {
			fmt.Fprintf(&out, " %x:%x", []byte(oid), []byte(value))
		}
	}
	return out.String()
}
