package gotls

import (
	"crypto/tls"
	"testing"

	"ucspitls/backend/backendtest"
)

func TestDamagedTickets(t *testing.T) {
	backendtest.DamagedTickets(t, Backend, len(sessionLabel)+8, reseal)
}

func FuzzTicketData(f *testing.F) { backendtest.FuzzTicketData(f, Backend, reseal) }

func reseal(t testing.TB, secret, context, ticket []byte, edit func([]byte) []byte) []byte {
	key, err := deriveTicketKey(secret, ticketLabel+string(context))
	if err != nil {
		t.Fatal(err)
	}
	ss, err := tls.ParseSessionState((&tickets{keys: []ticketKey{key}}).open(ticket))
	if err != nil {
		t.Fatal(err)
	}
	edited := 0
	for i, extra := range ss.Extra {
		if _, _, ok := decodeOrigin(extra); ok {
			ss.Extra[i] = edit(extra)
			edited++
		}
	}
	plain, err := ss.Bytes()
	if err != nil || edited != 1 {
		t.Fatal(edited, err)
	}
	return key.aead.Seal(append([]byte{}, key.name...), nil, plain, key.name)
}
