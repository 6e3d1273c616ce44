//go:build linux

package entrytest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What a test's programs ignore does not depend on how the tests were started.
func TestResetSignals(t *testing.T) {
	const role = "UCSPITLS_TEST_SIGNALS"
	if os.Getenv(role) != "" {
		ResetSignals()
		out, err := exec.Command("grep", "SigIgn", "/proc/self/status").CombinedOutput()
		os.Stdout.Write(out)
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	cmd := exec.Command("sh", "-c", `trap "" HUP INT QUIT TSTP CHLD TERM; exec "$0" -test.run '^TestResetSignals$'`, os.Args[0])
	cmd.Env = append(os.Environ(), role+"=1")
	out, err := cmd.Output()
	if want := "SigIgn:\t0000000000000000"; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}
