package engine_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNeighbours: the tunnel of one connection does not carry the shared one.
func TestNeighbours(t *testing.T) {
	bin := t.TempDir()
	for program, want := range map[string]bool{"s6-tlsd-io": false, "s6-tlsc-io": false, "s6-tlsd-iod": true} {
		file := filepath.Join(bin, program)
		if out, err := exec.Command("go", "build", "-o", file, "ucspitls/cmd/"+program).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		symbols, err := exec.Command("go", "tool", "nm", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(symbols), "ucspitls/internal/daemon.Main"); has != want {
			t.Errorf("%s has package daemon: %t", program, has)
		}
	}
}
