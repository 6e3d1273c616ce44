//go:build linux && (amd64 || arm64)

package entry

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"ucspitls/internal/entry/entrytest"
)

// The test programs, built by TestMain: prog with the entry, with that of
// programs for one connection, and without.
var withEntry, withBrief, withoutEntry, launch string

func TestMain(m *testing.M) {
	entrytest.ResetSignals()
	dir, err := os.MkdirTemp("", "entry")
	if err != nil {
		panic(err)
	}
	os.Chmod(dir, 0o755) // for a run as another user
	withEntry = filepath.Join(dir, "with-entry")
	withBrief = filepath.Join(dir, "with-brief")
	withoutEntry = filepath.Join(dir, "without-entry")
	launch = filepath.Join(dir, "launch")
	code := 1
	if build(withEntry, "prog", runtime.GOARCH, "-E ucspitls_entry") && build(withBrief, "prog", runtime.GOARCH, "-E ucspitls_brief") && build(withoutEntry, "prog", runtime.GOARCH, "") && build(launch, "launch", runtime.GOARCH, "") {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(out, source, goarch, ldflags string) bool {
	cmd := exec.Command("go", "build", "-o", out, "-ldflags", ldflags, "./testdata/"+source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+goarch, "GOFLAGS=")
	msg, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "go build %s for %s: %v\n%s", source, goarch, err, msg)
	}
	return err == nil
}

// Everywhere else the package must at least compile.
func TestOtherSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles parts of the standard library for five systems")
	}
	for _, target := range [][2]string{{"freebsd", "amd64"}, {"openbsd", "amd64"}, {"netbsd", "amd64"}, {"darwin", "arm64"}, {"linux", "386"}} {
		t.Run(target[0]+"-"+target[1], func(t *testing.T) {
			cmd := exec.Command("go", "build", ".")
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+target[0], "GOARCH="+target[1], "GOFLAGS=")
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, msg)
			}
		})
	}
}
