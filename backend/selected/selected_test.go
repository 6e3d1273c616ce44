package selected

import (
	"cmp"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A wrong choice of tags must fail to build, with a sentence.
func TestTags(t *testing.T) {
	const one = "a build has one backend: give one of the tags gotls, openssl, utls"
	for tags, want := range map[string]string{
		"":                   "",
		"gotls":              "",
		"openssl":            "there is no openssl backend in this source tree",
		"utls":               "",
		"openssl,utls":       one,
		"gotls,openssl":      one,
		"gotls,utls":         one,
		"gotls,openssl,utls": one,
	} {
		t.Run("tags="+tags, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command("go", "build", "-tags="+tags, ".").CombinedOutput()
			if (err == nil) != (want == "") || !strings.Contains(string(out), want) {
				t.Errorf("%v, want %q:\n%s", err, want, out)
			}
		})
	}
}

// TestName: make test says in UCSPITLS_BACKEND which backend it builds.
func TestName(t *testing.T) {
	if n := Backend.Info().Name; n != cmp.Or(os.Getenv("UCSPITLS_BACKEND"), "gotls") {
		t.Errorf("the tests of this build run on %s", n)
	}
}
