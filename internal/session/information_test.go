package session

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/internal/ucspi"
)

// What a tunnel tells its wrapper is what the wrapper takes, whatever the peer
// has put into its names.
func TestInformationIsTaken(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	subject := func(values ...string) []byte {
		var name pkix.Name
		for _, v := range values {
			name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: v})
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for _, s := range []backend.State{
		{},
		{Version: backend.TLS12, Cipher: "ECDHE-RSA-AES256-GCM-SHA384", ServerName: "Mail.Example", ALPN: "a b"},
		{Version: backend.TLS13, Cipher: "TLS_CHACHA20_POLY1305_SHA256", ServerName: "-rf"},
		{Version: backend.TLS13, Cipher: "TLS_AES_128_GCM_SHA256", ServerName: strings.Repeat("a", 60000)},
		{Version: backend.TLS13, Cipher: "TLS_AES_128_GCM_SHA256", Peer: subject()},
		{Version: backend.TLS13, Cipher: "TLS_AES_128_GCM_SHA256", Peer: subject("\n\x1b[2J\u009b\u202e=\x00PATH=/evil\x00", "/", "ü")},
		{Version: backend.TLS13, Cipher: "TLS_AES_128_GCM_SHA256", Peer: subject(strings.Repeat("x", 90000))},
	} {
		blob := string(ucspi.AppendBlob(nil, information(s)))
		for r := (ucspi.Reader{Blob: blob}); ; {
			item, flaw := r.Next()
			if flaw != ucspi.Sound {
				before, name, after := flaw.Words(item)
				t.Errorf("%.200q: %s", blob, before+name+after)
			}
			if flaw != ucspi.Sound || item == "" {
				break
			}
		}
	}
}
