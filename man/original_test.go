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
	name := regexp.MustCompile(`(?:((?:cmd|engine|backend)/\w+|faults) )?((?:Test|Fuzz)\w+)`)
	rows := 0
	for line := range strings.Lines(read(t, "../doc/original.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| | ") {
			continue
		}
		rows++
		cells := strings.Split(line, "|")
		folder := ""
		for _, m := range name.FindAllStringSubmatch(cells[3], -1) {
			if m[1] != "" {
				folder = m[1]
			}
			if !hasTest(t, "../"+folder, m[2]) {
				t.Errorf("line%s: there is no %s in %s", cells[1], m[2], folder)
			}
		}
		if folder == "" {
			t.Errorf("line%s names no test", cells[1])
		}
	}
	if rows != 29 {
		t.Errorf("%d rows, want 29", rows)
	}
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, _ := filepath.Glob(folder + "/*_test.go")
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
