// Package outside has the test of what other modules may build on: a backend
// and a program in a module of their own, as doc/new-backend.md describes them.
package outside

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ucspitls/test/need"
)

const tree = "../.."

// A module lies outside of the tree and stands on it.
type module struct{ dir string }

func newModule(t *testing.T) module {
	t.Helper()
	m := module{t.TempDir()}
	root, err := filepath.Abs(tree)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err == nil {
		err = os.CopyFS(m.dir, os.DirFS("testdata/plaintls"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, "go.sum"), sums, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.run(t, "mod", "init", "example.net/plaintls")
	m.run(t, "mod", "edit", "-require=ucspitls@v0.0.0", "-replace=ucspitls@v0.0.0="+root)
	return m
}

// run is the go command in the module. What the tree needs is in the module
// cache, or has to be fetched first: a test does not.
func (m module) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "GOPROXY=off") {
		need.Missing(t, "the modules of go.mod", "go mod download")
	}
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestBackend: the contract's tests run there, and the backend passes them.
func TestBackend(t *testing.T) {
	m := newModule(t)
	m.run(t, "vet", "./...")
	args := []string{"test", "-count=1", "-v", "-run=^TestBackend$", "."}
	if testing.Short() {
		args = append(args, "-short")
	}
	if out := m.run(t, args...); !strings.Contains(out, "\n    --- PASS: TestBackend/transfer ") {
		t.Errorf("the contract was not tested:\n%s", out)
	}
}

// TestSession: the programs of the tree work with a tunnel that is not theirs;
// the demonstration looks at each byte.
func TestSession(t *testing.T) {
	m := newModule(t)
	bin := t.TempDir()
	flags := "-X ucspitls/internal/diag.Version=7.8.9"
	if runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") {
		flags += " -E ucspitls_brief"
	}
	m.run(t, "build", "-o", bin, "-tags", "strictsandbox", "-ldflags", flags, "./cmd/s6-tlsd-io")
	build := exec.Command("go", "build", "-o", bin, "ucspitls/cmd/s6-ucspitlsd", "ucspitls/doc/demo")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	version, err := exec.Command(filepath.Join(bin, "s6-tlsd-io"), "--version").CombinedOutput()
	if want := "s6-tlsd-io (ucspitls) 7.8.9, backend plaintls, crypto/tls of "; err != nil || !strings.HasPrefix(string(version), want) {
		t.Errorf("--version: %v, %s", err, version)
	}
	for _, setting := range []string{"TLS_KEYGUARD=", "TLS_KEYGUARD=1"} {
		demo := exec.Command(filepath.Join(bin, "demo"), bin)
		demo.Env = append(os.Environ(), setting)
		if out, err := demo.CombinedOutput(); err != nil || !strings.Contains(string(out), "SSL_PROTOCOL=TLSv1.3") {
			t.Errorf("%s: %v\n%s", setting, err, out)
		}
	}
}
