package man

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that doc/original.md names is there.
func TestTestsOfTheOriginal(t *testing.T) {
	name := regexp.MustCompile(`(?:((?:backend|internal|test)/\w+) )?((?:Test|Fuzz)\w+)`)
	rows := 0
	for line := range strings.Lines(read(t, "../doc/original.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| | ") {
			continue
		}
		rows++
		cells := strings.Split(line, "|")
		directory := ""
		for _, m := range name.FindAllStringSubmatch(cells[3], -1) {
			if m[1] != "" {
				directory = m[1]
			}
			if !hasTest(t, "../"+directory, m[2]) {
				t.Errorf("line%s: there is no %s in %s", cells[1], m[2], directory)
			}
		}
		if directory == "" {
			t.Errorf("line%s names no test", cells[1])
		}
	}
	if rows == 0 {
		t.Error("no rows")
	}
}

// Every boundary between processes that SECURITY.md lists has a test that is there.
func TestTestsOfTheBoundaries(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "../SECURITY.md"), "| from | to |")
	table, _, _ = strings.Cut(table, "\n\n")
	directories := regexp.MustCompile("`((?:backend|internal|test|doc)/\\w+)`([^`;]*)")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || strings.HasPrefix(cells[1], "---") || strings.Contains(line, "what is believed, and") {
			continue
		}
		rows++
		named := directories.FindAllStringSubmatch(cells[4], -1)
		if named == nil {
			t.Errorf("%s to%s: no test", cells[1], cells[2])
		}
		for _, m := range named {
			if _, err := os.Stat("../" + m[1]); err != nil {
				t.Errorf("%s to%s: %v", cells[1], cells[2], err)
			}
			for _, name := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ' ' || r == ',' }) {
				if !hasTest(t, "../"+m[1], name) {
					t.Errorf("%s to%s: there is no %s in %s", cells[1], cells[2], name, m[1])
				}
			}
		}
	}
	if rows == 0 {
		t.Error("no table")
	}
}

func hasTest(t *testing.T, directory, name string) bool {
	t.Helper()
	files, _ := filepath.Glob(directory + "/*_test.go")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
