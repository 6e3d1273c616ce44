package entrytest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"ucspitls/test/need"
)

// Programs can be run at once although others are started all the time.
func TestCopyProgram(t *testing.T) {
	dir := t.TempDir()
	shell := need.Program(t, "sh", "dash")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 40 {
				path := filepath.Join(dir, fmt.Sprintf("sh-%d-%d", i, j))
				if err := CopyProgram(path, shell); err != nil {
					t.Error(err)
					return
				}
				if err := exec.Command(path, "-c", "exit 0").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := CopyProgram(dir, shell); err == nil {
		t.Error("a directory was written")
	}
	if err := CopyProgram(filepath.Join(dir, "x"), dir); err == nil {
		t.Error("a directory was read")
	}
}
