// Package entrytest is help for tests that run programs.
package entrytest

import (
	"os"
	"syscall"
)

// WriteProgram writes a file that is going to be run, with mode 0755. A process
// that is started elsewhere in the tests while the file is still open for
// writing holds it open until its own exec, and running the file meanwhile is
// ETXTBSY; so none is started until the file is closed.
func WriteProgram(path string, data []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, data, 0o755)
}

// CopyProgram is WriteProgram with what another file holds.
func CopyProgram(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return WriteProgram(to, data)
}
