package session

import (
	"errors"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

func TestKnownFingerprint(t *testing.T) {
	list := []backend.Fingerprint{{Name: "golang", JA4: "-"}, {Name: "chrome", JA4: "t13"}, {Name: "random[:SEED]", JA4: "-"}}
	for value, ok := range map[string]bool{
		"golang": true, "chrome": true, "random": true, "random:a": true, "random:a:b": true,
		"Chrome": false, "chrome:a": false, "chrome_1": false, "random:": false, "random[:SEED]": false, "randoma": false, "random2:a": false,
	} {
		err := knownFingerprint(list, value)
		e, _ := errors.AsType[*diag.Error](err)
		if ok && err != nil || !ok && (e == nil || e.Code != diag.Usage || !strings.HasSuffix(e.Text, value+" (one of: golang chrome random[:SEED])")) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
