//go:build openssl && cgo

package openssl

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"ucspitls/backend/backendtest"
)

func TestDamagedTickets(t *testing.T) { backendtest.DamagedTickets(t, Backend, 1+8, reseal) }

func FuzzTicketData(f *testing.F) { backendtest.FuzzTicketData(f, Backend, reseal) }

// reseal knows what tickets.c derives, libssl's ticket (RFC 5077, 4), and in
// its session the ticket_appdata.
func reseal(t testing.TB, secret, context, ticket []byte, edit func([]byte) []byte) []byte {
	digest := sha256.Sum256(context)
	keys, err := hkdf.Key(sha256.New, secret, nil, "ucspitls OpenSSL ticket 1"+string(digest[:]), 80)
	if err != nil || len(ticket) < 80 || string(ticket[:16]) != string(keys[:16]) {
		t.Fatalf("%v, a ticket of %d bytes with another key", err, len(ticket))
	}
	block, err := aes.NewCipher(keys[16:48])
	if err != nil {
		t.Fatal(err)
	}
	head, session := ticket[:32:32], make([]byte, len(ticket)-64)
	cipher.NewCBCDecrypter(block, head[16:]).CryptBlocks(session, ticket[32:len(ticket)-32])
	session = session[:len(session)-int(session[len(session)-1])]

	const appdata = asn1.Tag(18) | 0xa0
	in, fields, edited := cryptobyte.String(session), cryptobyte.String(nil), 0
	var b cryptobyte.Builder
	if !in.ReadASN1(&fields, asn1.SEQUENCE) {
		t.Fatalf("no session: %x", session)
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for !fields.Empty() {
			var field, data cryptobyte.String
			var tag asn1.Tag
			if !fields.ReadAnyASN1Element(&field, &tag) {
				t.Fatal("no session")
			}
			if tag != appdata {
				b.AddBytes(field)
				continue
			}
			if edited++; !field.ReadASN1(&field, tag) || !field.ReadASN1(&data, asn1.OCTET_STRING) {
				t.Fatal("no data")
			}
			b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddASN1OctetString(edit(data)) })
		}
	})
	session, err = b.Bytes()
	if err != nil || edited != 1 {
		t.Fatal(edited, err)
	}
	padding := 16 - len(session)%16
	for range padding {
		session = append(session, byte(padding))
	}
	cipher.NewCBCEncrypter(block, head[16:]).CryptBlocks(session, session)
	sealed := append(head, session...)
	mac := hmac.New(sha256.New, keys[48:])
	mac.Write(sealed)
	return mac.Sum(sealed)
}
