package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const tree = "../.."

// TestRename: under another path the module builds and its programs know their
// version; nothing of the old path is left; and renamed back it is what it was.
func TestRename(t *testing.T) {
	original, err := modulePath(tree)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	before := contents(t, tree)
	for name, text := range before {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := original
	for i, path := range []string{"example.org/some-where/uc.spi_tls/x2", "plain", "example.org/plain", original} {
		run(t, dir, "make", "-s", "rename", "MODULE="+path)
		if got := strings.TrimSpace(run(t, dir, "go", "list", "-m")); got != path {
			t.Fatalf("the module is %s, not %s", got, path)
		}
		nothingLeft(t, dir, old, path)
		if i == 0 {
			builds(t, dir)
		}
		old = path
	}
	after := contents(t, dir)
	for name, text := range before {
		if !bytes.Equal(text, after[name]) {
			t.Errorf("%s is another file", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
}

// nothingLeft looks at what the go command reads, and at all the texts.
func nothingLeft(t *testing.T, dir, old, path string) {
	t.Helper()
	for p := range strings.Lines(run(t, dir, "go", "list", "-f", `{{range .Imports}}{{println .}}{{end}}{{range .TestImports}}{{println .}}{{end}}{{range .XTestImports}}{{println .}}{{end}}`, "./...")) {
		if strings.HasPrefix(p, old+"/") && !strings.HasPrefix(p, path+"/") {
			t.Errorf("%s is still imported", strings.TrimSpace(p))
		}
	}
	left := regexp.MustCompile(`(?m)^.*(?:^|[^\w./~+-])` + regexp.QuoteMeta(old) + `(?:/(?:internal|backend|engine|cmd|test|man|doc)\b|/\.\.\.|/"|@v| v0\.0\.0| => ).*$`)
	for name, text := range contents(t, dir) {
		if line := left.Find(text); line != nil {
			t.Errorf("%s: %s", name, line)
		}
	}
}

func builds(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, "make", "-s", "all", "BACKEND=gotls", "VERSION=7.8.9")
	for _, program := range []string{"s6-tlsd", "s6-tlsd-io"} {
		version := run(t, dir, filepath.Join(dir, "build/gotls", program), "--version")
		if !strings.HasPrefix(version, program+" (ucspitls) 7.8.9") {
			t.Errorf("%s --version: %s", program, version)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "build")); err != nil {
		t.Error(err)
	}
	if !testing.Short() {
		run(t, dir, "go", "build", "-trimpath", "./...")
		run(t, dir, "go", "vet", "-trimpath", "./backend/...", "./engine/...", "./cmd/...", "./internal/...")
		run(t, dir, "go", "test", "-trimpath", "-run", "TestImports", "./internal") // which knows paths as words
	}
}

// TestRefused: a path that is none changes nothing.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	mod := []byte("module plain\n")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", " ", ".", "..", "/a", "a/", "a//b", "a/../b", "a b", "a'b", `a"b`, "-a", "https://example.org/a", "example.org/ü", "example.org/a@v1"} {
		if err := rename(dir, path); err == nil || !strings.Contains(err.Error(), "MODULE="+path+" is not a module path") {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{"fmt", "crypto/tls", "internal"} {
		if err := rename(dir, path); err == nil || !strings.Contains(err.Error(), "standard library") {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{"example.org/a/v2", "gopkg.in/a.v2"} {
		if err := rename(dir, path); err == nil || !strings.Contains(err.Error(), "major version") {
			t.Errorf("%q: %v", path, err)
		}
	}
	if now, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || !bytes.Equal(now, mod) {
		t.Errorf("%v, %s", err, now)
	}
	for _, setting := range []string{"", "MODULE=", "MODULE=a'b"} {
		cmd := exec.Command("make", "-s", "-C", tree, "rename", setting)
		if setting == "" {
			cmd.Args = cmd.Args[:len(cmd.Args)-1]
		}
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), setting+" is not a module path") {
			t.Errorf("make rename %s: %v\n%s", setting, err, out)
		}
	}
}

// contents are the files of the source, by their path.
func contents(t *testing.T, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	source := os.DirFS(root)
	err := fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err == nil && d.IsDir() && skipped(name):
			return fs.SkipDir
		case err == nil && d.Type().IsRegular() && !skipped(name):
			files[name], err = fs.ReadFile(source, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}
