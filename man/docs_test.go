package man

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ucspitls/backend"
)

// What a text tells the reader to type must be there.
func TestMakeTargets(t *testing.T) {
	rule := regexp.MustCompile(`(?m)^([a-z-]+):`)
	var targets []string
	for _, m := range rule.FindAllStringSubmatch(read(t, "../Makefile"), -1) {
		targets = append(targets, m[1])
	}
	mention := regexp.MustCompile("(?m)(?:^|[`$] ?|; |    )(?:[A-Z0-9]+=\\S+ )*make((?: [A-Z]+=\\S*)*)(?: ([a-z][a-z-]*))?")
	variable := regexp.MustCompile(`([A-Z]+)=`)
	seen := map[string]bool{}
	for _, file := range texts(t) {
		if !strings.HasSuffix(file, ".md") {
			continue
		}
		for _, m := range mention.FindAllStringSubmatch(codeIn(read(t, file)), -1) {
			if seen[m[2]] = true; m[2] != "" && !slices.Contains(targets, m[2]) {
				t.Errorf("%s: make %s: no such target", file, m[2])
			}
			for _, v := range variable.FindAllStringSubmatch(m[1], -1) {
				if !regexp.MustCompile(`(?m)^` + v[1] + ` *=|\$\(` + v[1] + `\)`).MatchString(read(t, "../Makefile")) {
					t.Errorf("%s: make %s=: the Makefile knows no such variable", file, v[1])
				}
			}
		}
	}
	for _, must := range []string{"demo", "test", "install", "bench"} {
		if !seen[must] {
			t.Errorf("nobody is told of make %s", must)
		}
	}
}

// codeIn is what stands in code blocks and between backquotes.
func codeIn(text string) string {
	var code strings.Builder
	block := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			block = !block
			continue
		}
		if block || strings.HasPrefix(line, "    ") {
			code.WriteString(strings.TrimLeft(line, " "))
			continue
		}
		for i, part := range strings.Split(line, "`") {
			if i%2 == 1 {
				code.WriteString(part + "\n")
			}
		}
	}
	return code.String()
}

// Links lead somewhere, and the README to every document.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
	fromReadme := map[string]bool{}
	for _, file := range texts(t) {
		if !strings.HasSuffix(file, ".md") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target := filepath.Join(filepath.Dir(file), m[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if file == "../README.md" {
				fromReadme[target] = true
			}
		}
	}
	documents, _ := filepath.Glob("../doc/*.md")
	for _, d := range append(documents, "../build-tags.md") {
		if !fromReadme[d] {
			t.Errorf("the README does not lead to %s", d)
		}
	}
}

// The tags and the sentences of the source are in build-tags.md.
func TestBuildTags(t *testing.T) {
	text := read(t, "../build-tags.md")
	files, err := filepath.Glob("../internal/selected/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	sentence := regexp.MustCompile(`const _ int = "([^"]+)"`)
	library := regexp.MustCompile(`var Backend = (\w+)\.Backend`)
	sentences, tags := 0, 0
	for _, f := range files {
		source := read(t, f)
		for _, m := range sentence.FindAllStringSubmatch(source, -1) {
			if sentences++; !strings.Contains(text, m[1]) {
				t.Errorf("build-tags.md does not have the sentence of %s: %s", f, m[1])
			}
		}
		for _, m := range library.FindAllStringSubmatch(source, -1) {
			if tags++; !strings.Contains(text, " | `"+m[1]+"` | ") || !strings.Contains(text, "`backend "+m[1]) {
				t.Errorf("build-tags.md does not have the tag %s of %s", m[1], f)
			}
		}
	}
	if sentences == 0 || tags < 3 {
		t.Errorf("%d sentences and %d tags in the source", sentences, tags)
	}
}

// Alerts are called what they are called in messages.
func TestAlertNames(t *testing.T) {
	known := map[string]bool{}
	for n := range 256 {
		known[backend.Alert(n).String()] = true
	}
	names := 0
	for _, name := range regexp.MustCompile(`\b[a-z]+(?:_[a-zA-Z]+)+\b`).FindAllString(read(t, "../doc/alerts.md"), -1) {
		if names++; !known[name] && name != "close_notify" {
			t.Errorf("doc/alerts.md: unknown alert %s", name)
		}
	}
	if names == 0 {
		t.Error("no alerts in doc/alerts.md")
	}
}

// The switches of the tests are in test/README.md, and those in it exist.
func TestSwitches(t *testing.T) {
	used := map[string]bool{}
	name := regexp.MustCompile(`\b(?:UCSPITLS_[A-Z_]+|FIPS_MODULE|SOAK|SEED|ENTRY|SANDBOX)\b`)
	note := func(file string) {
		for _, s := range name.FindAllString(read(t, file), -1) {
			used[s] = true
		}
	}
	note("../Makefile")
	note("../.ci/run")
	for _, dir := range []string{"../internal", "../backend", "../test", "../man", "../doc"} {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && path != "../man/docs_test.go" {
				note(path)
			}
			return err
		})
	}
	told := map[string]bool{}
	for line := range strings.Lines(read(t, "../test/README.md")) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			for _, s := range name.FindAllString(strings.Split(cell, "|")[0], -1) {
				told[s] = true
			}
		}
	}
	for s := range used {
		if !told[s] && !strings.HasPrefix(s, "UCSPITLS_TEST_") {
			t.Errorf("test/README.md does not tell of %s", s)
		}
	}
	for s := range told {
		if !used[s] {
			t.Errorf("test/README.md: nothing reads %s", s)
		}
	}
}
