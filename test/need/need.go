// Package need is what a test asks for that a machine may not have. A test that
// misses it is skipped, in one form of words that make test collects:
//
//	needs WHAT: HOW TO HAVE IT
//
// With UCSPITLS_REQUIRE_PEERS=1, as on a machine that was set up for the
// tests, it fails.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Prefix begins the reason of a test that is skipped for want of something.
const Prefix = "needs "

// Missing ends a test for want of something; how says how to have it.
func Missing(t testing.TB, what, how string) {
	t.Helper()
	if os.Getenv("UCSPITLS_REQUIRE_PEERS") == "1" {
		t.Fatalf(Prefix+"%s: %s", what, how)
	}
	t.Skipf(Prefix+"%s: %s", what, how)
}

// Package is Missing for what a Debian package has.
func Package(t testing.TB, what, pkg string) {
	t.Helper()
	Missing(t, what, "apt-get install "+pkg)
}

// Program gives the path of a program that a Debian package has.
func Program(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, name := range []string{name, "/usr/sbin/" + name} { // not in everybody's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Package(t, name, pkg)
	return ""
}

// Wanted is Missing for what even a machine that was set up for the tests need
// not have: it never fails.
func Wanted(t testing.TB, what, how string) {
	t.Helper()
	t.Skipf(Prefix+"%s: %s", what, how)
}

// Root skips what only root can do, or see.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Wanted(t, "root", "run the tests as root")
	}
}
