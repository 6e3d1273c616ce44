//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The administrator's table is the filter's.
func TestDocumentedTable(t *testing.T) {
	source := ""
	for _, name := range []string{"table_linux.go", "table_linux_amd64.go", "table_linux_arm64.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	doc, err := os.ReadFile("../../../doc/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`\{number: unix\.SYS_(\w+), who: ([\w| ]+),.* why: "([^"]+)"\}`).FindAllStringSubmatch(source, -1)
	if len(rows) < len(table)+len(archTable) {
		t.Errorf("only %d rows were found in the source, there are %d", len(rows), len(table)+len(archTable))
	}
	want := 0
	for _, r := range rows {
		if r[2] == "tuned" { // for the tests
			continue
		}
		want++
		line := fmt.Sprintf("| `%s` |", strings.ToLower(r[1]))
		for _, p := range []string{"Tunnel", "Guard", "Worker"} {
			switch {
			case r[2] == "everybody" || strings.Contains(r[2], p):
				line += " x |"
			case r[2] == "withC":
				line += " C |"
			default:
				line += "   |"
			}
		}
		if line += " " + r[3] + " |\n"; !strings.Contains(string(doc), line) {
			t.Errorf("doc/sandbox.md does not have\n%s", line)
		}
	}
	if n := strings.Count(string(doc), "\n| `"); n != want {
		t.Errorf("doc/sandbox.md has %d system calls, the table %d", n, want)
	}
}
