package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRun: what fails is shown, and only that; each skip is said once; the exit
// code is go test's.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, source, flags string
		code                int
		has, hasNot         []string
	}{
		{"good", `func TestA(t *testing.T) { t.Log("unheard"); t.Run("x", func(t *testing.T) { t.Skip("needs strace: apt-get install strace") }) }
func TestB(t *testing.T) { t.Skip("needs strace: apt-get install strace") }
func TestC(t *testing.T) { t.Skip("another build") }`, "", 0,
			[]string{"ok  \tm\t", "skipped: needs strace: apt-get install strace (2 tests)\n", "skipped: 1 tests that do not apply here"}, []string{"unheard", "FAIL"}},
		{"bad", `func TestA(t *testing.T) { t.Error("seen") }
func TestB(t *testing.T) { t.Log("unheard") }`, "", 1, []string{"a_test.go:3: seen\n", "--- FAIL: TestA", "FAIL\tm\t"}, []string{"unheard", "skipped"}},
		{"panic", `func TestA(t *testing.T) { println("last words"); panic("ouch") }`, "", 1, []string{"last words", "ouch"}, nil},
		{"late", `import "time"; func TestA(t *testing.T) { time.Sleep(time.Minute) }`, "-timeout=1s", 1, []string{"panic: test timed out", "... "}, nil},
		{"no program", `func TestA(t *testing.T) { x }`, "", 1, []string{"undefined: x"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			source := strings.Replace("package m\nimport \"testing\"\n"+c.source, "\nimport \"testing\"\nimport \"time\"; ", "\nimport (\"testing\"; \"time\")\n", 1)
			for name, text := range map[string]string{"go.mod": "module m\n", "a_test.go": source} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			t.Setenv("GOFLAGS", "")
			words := []string{"go", "test", "-count=1", "./..."}
			if c.flags != "" {
				words = append(words, c.flags)
			}
			var out strings.Builder
			if code := run(words, &out, 300*time.Millisecond); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, s := range c.has {
				if !strings.Contains(out.String(), s) {
					t.Errorf("no %q in\n%s", s, out.String())
				}
			}
			for _, s := range c.hasNot {
				if strings.Contains(out.String(), s) {
					t.Errorf("%q in\n%s", s, out.String())
				}
			}
		})
	}
	var out strings.Builder
	if code := run([]string{"/nonexistent/go", "test"}, &out, time.Second); code != 111 {
		t.Errorf("exit code %d without go", code)
	}
}
