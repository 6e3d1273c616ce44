package install

import (
	"os/exec"
	"strings"
	"testing"
)

// TestPaths: the directory of the programs is compiled into the wrappers, and the
// shell sees it: what is not one absolute path of plain characters is refused.
func TestPaths(t *testing.T) {
	for setting, good := range map[string]bool{
		"PREFIX=/usr": true, "PREFIX=": true, "PREFIX=/": true, "PREFIX=/opt/a-b_c.d+e": true, "DESTDIR=root": true,
		"PREFIX=usr": false, "PREFIX=.": false, "BINDIR=bin": false, "MANDIR=man": false,
		"PREFIX=/odd folder": false, "PREFIX=/usr /etc": false, "DESTDIR=a b": false,
		"PREFIX=/x;id": false, "PREFIX=/x&": false, "PREFIX=/x|id": false, "PREFIX=/x'y": false, "PREFIX=/x\"y": false,
		"PREFIX=/x*": false, "PREFIX=/x`id`": false,
	} {
		for _, target := range []string{"install", "uninstall"} {
			out, err := exec.Command("make", "-n", "-C", "../..", target, setting).CombinedOutput()
			if refused := strings.Contains(string(out), "must be absolute paths"); refused == good || (err == nil) != good {
				t.Errorf("make %s '%s': %v\n%.300s", target, setting, err, out)
			}
		}
	}
}
