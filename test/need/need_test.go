package need

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// skips are the files that skip a test themselves: how often, and why that is
// not for want of something.
var skips = map[string]struct {
	n   int
	why string
}{
	"test/need/need.go":                                {2, "this package"},
	"test/run/run_test.go":                             {3, "tests of tests"},
	"test/soak/soak_test.go":                           {1, "make soak says how long"},
	"internal/privilege/sandbox/enter_linux_test.go":   {2, "another build, another architecture"},
	"internal/privilege/sandbox/runtime_linux_test.go": {1, "another build"},
	"internal/entry/entry_test.go":                     {1, "another architecture"},
	"internal/entry/build_test.go":                     {1, "-short"},
	"internal/wrap/entry_test.go":                      {1, "another architecture"},
	"backend/backendtest/tickets.go":                   {3, "a combination that does not exist"},
	"backend/backendtest/floods.go":                    {1, "another version of TLS"},
	"backend/backendtest/records.go":                   {3, "another version of TLS"},
	"backend/backendtest/regressions.go":               {1, "another cipher"},
	"internal/material/keypair_test.go":                {1, "a part of another test"},
	"test/cli/hardened_test.go":                        {2, "another backend, another architecture"},
	"test/cli/locks_test.go":                           {1, "a combination that does not exist"},
	"test/cli/iod_ends_test.go":                        {1, "a kernel without such time stamps"},
	"internal/privilege/sandbox/proof_linux_test.go":   {1, "under a debugger"},
	"test/cli/end_orderly_test.go":                     {1, "-short"},
	"test/cli/noloss_test.go":                          {1, "-short"},
	"test/cli/matrix_peers_test.go":                    {1, "a combination that the peer can't have"},
	"test/cli/guard_test.go":                           {2, "another mode, another backend"},
	"test/cli/main_test.go":                            {1, "another build"},
	"test/cli/fips_test.go":                            {1, "another backend"},
	"test/cli/iod_test.go":                             {1, "another mode"},
	"test/cli/calls_failing_test.go":                   {2, "another backend, another mode"},
	"test/bench/bench_test.go":                         {1, "another system"},
}

// TestNobodySkipsForWantOfSomething: what a machine may not have is asked for
// here, so that each skip is said and, where it must be there, fails.
func TestNobodySkipsForWantOfSomething(t *testing.T) {
	skip := regexp.MustCompile(`\b(t|b|f|tb)\.Skip(f|Now)?\(`)
	look := regexp.MustCompile(`\bexec\.LookPath\(|UCSPITLS_REQUIRE_PEERS`)
	found := map[string]int{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (path == "build" || strings.HasPrefix(path, ".") && path != ".") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || path == "test/need/need_test.go" {
			return nil
		}
		text, err := fs.ReadFile(root, path)
		if n := len(skip.FindAll(text, -1)); n > 0 {
			found[path] = n
		}
		if strings.HasSuffix(path, "_test.go") && path != "test/need/need_test.go" {
			for _, word := range look.FindAllString(string(text), -1) {
				t.Errorf("%s: %s: package need is for that", path, word)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, n := range found {
		if n != skips[path].n {
			t.Errorf("%s skips in %d places, %d are known: use package need, or give the reason here", path, n, skips[path].n)
		}
	}
	for path := range skips {
		if found[path] == 0 {
			t.Errorf("%s does not skip any more", path)
		}
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct {
		required       string
		skipped, fails bool
	}{{"", true, false}, {"1", false, true}} {
		t.Setenv("UCSPITLS_REQUIRE_PEERS", c.required)
		for _, ask := range []func(*fake){
			func(f *fake) { Program(f, "no-such-program", "none") },
			func(f *fake) { Package(f, "x", "y") },
			func(f *fake) { Missing(f, "x", "y") },
		} {
			f := &fake{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				ask(f)
			}()
			<-done
			if f.skipped != c.skipped || f.failed != c.fails || !strings.HasPrefix(f.text, Prefix) {
				t.Errorf("%q: %+v", c.required, f)
			}
		}
	}
	t.Setenv("UCSPITLS_REQUIRE_PEERS", "1")
	if path := Program(t, "sh", "dash"); !filepath.IsAbs(path) {
		t.Errorf("sh is %q", path)
	}
}
