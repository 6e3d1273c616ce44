package ucspi

import (
	"slices"
	"strings"
	"testing"
)

// FuzzProgEnviron: nothing that prog could take for the peer's identity or
// for our configuration comes through, whatever the names look like.
func FuzzProgEnviron(f *testing.F) {
	f.Add("SSL_PEER_CERT_HASH=forged\nKEYFILE=/k\nPATH=/bin\nSSL_CLIENT_S_DN", false)
	f.Add("=\n==\nKEYFILE:a=b\nCERTFILE:=x\nssl_peer_cert_hash=x", true)
	f.Fuzz(func(t *testing.T, text string, keep bool) {
		in := strings.Split(text, "\n")
		set := []string{Protocol + "=TLSv1.3", PeerCertHash + "=SHA256:1"}
		out := ProgEnviron(in, keep, IsChannel, set)
		for _, item := range out {
			name, _, _ := strings.Cut(item, "=")
			if !slices.Contains(set, item) && (IsIdentity(name) || IsChannel(name) || !keep && IsConfiguration(name) || !slices.Contains(in, item)) {
				t.Errorf("%q came through", item)
			}
		}
		for _, item := range set {
			if !slices.Contains(out, item) {
				t.Errorf("%q is missing", item)
			}
		}
	})
}
