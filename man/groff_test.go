package man

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ucspitls/test/need"
)

// TestTablesInGroff: Debian's man is groff, whose mdoc macros close a quote at the
// end of a table's row where mandoc closes it at the end of the cell. Each row
// must come out as it is written.
func TestTablesInGroff(t *testing.T) {
	groff := need.Program(t, "groff", "groff")
	pages, _ := filepath.Glob("*.[0-9]")
	rows := 0
	for _, page := range pages {
		source := read(t, page)
		cmd := exec.Command(groff, "-mandoc", "-Kutf8", "-Tutf8", "-rLL=200n", "-P-cbou", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "GROFF_NO_SGR=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		for _, line := range strings.Split(source, "\n") {
			row, ok := strings.CutPrefix(line, ".It ")
			if !ok || !strings.Contains(row, " Ta ") {
				continue
			}
			rows++
			var cells []string
			for _, cell := range strings.Split(row, " Ta ") {
				if words := rendered(cell); words != "" {
					cells = append(cells, regexp.QuoteMeta(words))
				}
			}
			if want := regexp.MustCompile(`(?m)^ +` + strings.Join(cells, ` +`) + `$`); !want.Match(out) {
				t.Errorf("%s: groff has no row %s:\n%s", page, want, out)
			}
		}
	}
	if rows == 0 {
		t.Error("no tables")
	}
}

// rendered is what is to be seen of a cell.
func rendered(cell string) string {
	for _, m := range []struct{ macro, text string }{
		{`\\&`, ""}, {`\b(Sy|Cm|Ar|Ev|Fl) `, ""}, {`\bXr (\S+) (\S+)`, "$1($2)"}, {`\b(So|Ql) (\S+)( Sc)?`, "‘$2’"},
	} {
		cell = regexp.MustCompile(m.macro).ReplaceAllString(cell, m.text)
	}
	return strings.TrimSpace(cell)
}
