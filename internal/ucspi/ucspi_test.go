package ucspi

import (
	"strings"
	"testing"
)

func TestBlob(t *testing.T) {
	tests := []struct {
		pairs []Pair
		want  string
	}{
		{nil, "\x00"},
		{[]Pair{{Protocol, "TLSv1.3"}, {Cipher, "TLS_AES_128_GCM_SHA256"}, {ServerName, "localhost"}},
			"SSL_PROTOCOL=TLSv1.3\x00SSL_CIPHER=TLS_AES_128_GCM_SHA256\x00SSL_TLS_SNI_SERVERNAME=localhost\x00\x00"},
		// No value is no item; a NUL would end one early.
		{[]Pair{{Protocol, ""}, {Cipher, "a\x00HACK=1"}, {ServerName, "x"}}, "SSL_TLS_SNI_SERVERNAME=x\x00\x00"},
		{[]Pair{{PeerCertSubject, "/CN=a\nb=c"}}, "SSL_PEER_CERT_SUBJECT=/CN=a\nb=c\x00\x00"},
	}
	for _, tt := range tests {
		if got := string(AppendBlob(nil, tt.pairs)); got != tt.want {
			t.Errorf("%q: %q", tt.pairs, got)
		}
	}
}

func TestIOEnviron(t *testing.T) {
	in := []string{"A=1", "GODEBUG=tls10server=1", "GOTRACEBACK=crash", "GOMEMLIMIT=1", "GOGC=off", "GOMAXPROCS=64", "CERTFILE=c", "SSLCTLFD=5", "SSLREADFD=6", "SSLWRITEFD=7"}
	if got := strings.Join(IOEnviron(in), " "); got != "A=1 CERTFILE=c GOMAXPROCS=1 GOTRACEBACK=none" {
		t.Error(got)
	}
}
