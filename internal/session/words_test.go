package session

import (
	"os"
	"regexp"
	"testing"

	"ucspitls/backend"
)

// TestVariables: an error that is about a variable begins with it, whatever
// the backend, which knows none.
func TestVariables(t *testing.T) {
	for _, c := range []struct {
		e    backend.Error
		want string
	}{
		{backend.Error{Where: "chrome", Reason: backend.FingerprintVersions}, "TLS_FINGERPRINT: chrome: this ClientHello can't keep to the TLS versions that are asked for"},
		{backend.Error{Where: "chrome", Reason: backend.NoFingerprint}, "TLS_FINGERPRINT: chrome: this backend can't choose its ClientHello"},
		{backend.Error{Reason: backend.FingerprintNoGuard}, "TLS_KEYGUARD=1: a client with a fingerprint can't sign with a guarded key"},
		{backend.Error{Where: "KEYFILE: /x", Reason: backend.BadKey}, "KEYFILE: /x: not a usable private key"},
		{backend.Error{Reason: backend.NotTLS}, "the peer does not speak TLS"},
	} {
		if got := text(&c.e); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	source, err := os.ReadFile("../../backend/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\w*(?:Guard|Fingerprint)\w* +Reason = "(.*)"$`).FindAllSubmatch(source, -1) {
		if variables[backend.Reason(m[1])] == "" {
			t.Errorf("%s: of which variable?", m[1])
		}
	}
}
