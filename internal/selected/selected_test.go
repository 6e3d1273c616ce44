package selected

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/test/need"
)

// A wrong choice of tags, and what the chosen backend lacks, must fail to
// build, with a sentence.
func TestTags(t *testing.T) {
	const (
		one     = "a build has one backend: give one of the tags gotls, openssl, utls"
		noCgo   = "the openssl backend is C code: build with CGO_ENABLED=1 and a C compiler"
		headers = "the openssl backend needs the headers of OpenSSL 3.0 or later"
		tooOld  = "the openssl backend needs OpenSSL 3.0 or later"
	)
	old := t.TempDir()
	if err := os.Mkdir(filepath.Join(old, "openssl"), 0o755); err != nil {
		t.Fatal(err)
	}
	version := []byte("#define OPENSSL_VERSION_NUMBER 0x1010117fL\n")
	if err := os.WriteFile(filepath.Join(old, "openssl", "opensslv.h"), version, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ tags, cgo, flags, want string }{
		{"", "0", "", ""},
		{"gotls", "0", "", ""},
		{"utls", "0", "", ""},
		{"openssl", "1", "", ""},
		{"openssl", "0", "", noCgo},
		{"openssl", "1", "-I" + old, tooOld},
		{"openssl,utls", "0", "", one},
		{"gotls,openssl", "0", "", one},
		{"gotls,utls", "0", "", one},
		{"gotls,openssl,utls", "0", "", one},
	} {
		t.Run("tags="+c.tags+" cgo="+c.cgo+c.flags, func(t *testing.T) {
			t.Parallel()
			if c.cgo == "1" {
				need.Program(t, "gcc", "gcc")
			}
			build := exec.Command("go", "build", "-tags="+c.tags, ".")
			build.Env = append(os.Environ(), "CGO_ENABLED="+c.cgo, "CGO_CFLAGS="+c.flags)
			out, err := build.CombinedOutput()
			if c.want == "" && strings.Contains(string(out), headers) {
				need.Package(t, "OpenSSL's headers", "libssl-dev")
			}
			if (err == nil) != (c.want == "") || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, want %q:\n%s", err, c.want, out)
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
