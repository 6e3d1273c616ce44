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

func TestProgEnviron(t *testing.T) {
	in := []string{
		"PATH=/bin", "CERTFILE=c", "KEYFILE=k", "CERTFILE:x=c", "CERTFILE:=c", "KEYFILE:x.y=k", "CADIR=d", "CAFILE=f", "TLS_UID=1", "TLS_GID=2",
		"TLS_MIN_VERSION=1.3", "SSLKEYLOGFILE=l", "TLS_IOD=s",
		"CERTFILE2=c", "KEYFILEX=k", "TLS_UIDX=1", "CADIRX=d", "UCSPITLS=", "SSL_CERT_FILE=f", "SSL_CERT_DIR=d",
		"SSL_PROTOCOL=forged", "SSL_ALPN=x", "SSL_CLIENT_S_DN=forged", "SSL_SERVER_I_DN=x", "SSL_PEER_CERT_HASH=forged", "SSL_SESSION_ID=x", "HTTPS=on",
		"SSLCTLFD=9", "SSLREADFD=9", "SSLWRITEFD=9", "GODEBUG=x", "noequals",
	}
	kept := "PATH=/bin CERTFILE2=c KEYFILEX=k TLS_UIDX=1 CADIRX=d UCSPITLS= SSL_CERT_FILE=f SSL_CERT_DIR=d GODEBUG=x noequals SSLCTLFD=3"
	if got := strings.Join(ProgEnviron(in, false, IsChannel, []string{"SSLCTLFD=3"}), " "); got != kept {
		t.Errorf("-z: %s", got)
	}
	got := strings.Join(ProgEnviron(in, true, IsChannel, nil), " ")
	for _, want := range []string{"CERTFILE=c", "KEYFILE:x.y=k", "TLS_UID=1", "SSLKEYLOGFILE=l", "GODEBUG=x"} {
		if !strings.Contains(got, want) {
			t.Errorf("-Z: %s is missing", want)
		}
	}
	for _, stale := range []string{"forged", "SSL_ALPN", "SSLCTLFD", "HTTPS"} {
		if strings.Contains(got, stale) {
			t.Errorf("-Z: %s is inherited", stale)
		}
	}
}

func TestIOEnviron(t *testing.T) {
	in := []string{"A=1", "GODEBUG=tls10server=1", "GOTRACEBACK=crash", "GOMEMLIMIT=1", "GOGC=off", "GOMAXPROCS=64", "CERTFILE=c", "SSLCTLFD=5", "SSLREADFD=6", "SSLWRITEFD=7"}
	if got := strings.Join(IOEnviron(in), " "); got != "A=1 CERTFILE=c GOMAXPROCS=1 GOTRACEBACK=none" {
		t.Error(got)
	}
}
