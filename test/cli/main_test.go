//go:build linux

// The app of a test counts its descriptors; the runtime must not add any.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

package cli

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/test/lab/prog"
	"ucspitls/test/lab/wait"
)

const patience = wait.Patience

var (
	backendName = "gotls"
	bin         string   // a copy of the programs under test
	scratch     string   // short paths, for sockets
	self        string   // this executable
	guardAll    []string // UCSPITLS_KEYGUARD=1 gives every tool a key guard
)

func TestMain(m *testing.M) {
	if path := os.Getenv(appVariable); path != "" {
		prog.Perform(path)
	}
	entrytest.ResetSignals()
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "12") // most of the time a test waits
	}
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/cli:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	if self, err = os.Executable(); err != nil {
		return 0, err
	}
	if scratch, err = os.MkdirTemp("", "cli"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	if err = os.Chmod(scratch, 0o755); err != nil { // other users run programs in it
		return 0, err
	}
	for n := range descriptors(os.Getpid()) { // what the caller left open is not for our programs
		if n > 2 {
			syscall.CloseOnExec(n)
		}
	}
	if name := os.Getenv("UCSPITLS_BACKEND"); name != "" {
		backendName = name
	}
	if os.Getenv("UCSPITLS_KEYGUARD") == "1" {
		guardAll = []string{"TLS_KEYGUARD=1"}
	}
	// One that can't be entered would make every missing program one that
	// can't be executed: execvp's rule.
	path := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool { return syscall.Access(dir, 1) != nil })
	if err = os.Setenv("PATH", strings.Join(path, ":")); err != nil {
		return 0, err
	}
	programs, err := builtPrograms()
	if err != nil {
		return 0, err
	}
	// A copy: somebody may build again while the tests run.
	bin = filepath.Join(scratch, "bin")
	if err = os.CopyFS(bin, os.DirFS(programs)); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// builtPrograms is the directory of the programs under test: those of a fresh
// build, unless UCSPITLS_PROGRAMS names others.
func builtPrograms() (dir string, err error) {
	if dir = os.Getenv("UCSPITLS_PROGRAMS"); dir != "" {
		return dir, nil
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("make", "-C", root, "BACKEND="+backendName).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make: %v\n%s", err, out)
	}
	return filepath.Join(root, "build", backendName), nil
}

// entryOnly skips what a build without the recording program entry can't do.
func entryOnly(t *testing.T) {
	t.Helper()
	if os.Getenv("ENTRY") == "off" {
		t.Skip("built with ENTRY=off: see build-tags.md for what that changes")
	}
}
