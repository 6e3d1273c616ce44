package entrytest

import (
	"os"
	"syscall"
)

// Unrunnable is how a program can be such that it can't be executed, with the
// exit code of a program of ours that wants to.
var Unrunnable = []struct {
	Name string
	Make func(path string) error // path is free
	Code int
	Why  syscall.Errno
}{
	{"absent", func(string) error { return nil }, 127, syscall.ENOENT},
	{"not permitted", func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\n"), 0o644) }, 126, syscall.EACCES},
	{"a directory", func(path string) error { return os.Mkdir(path, 0o755) }, 126, syscall.EACCES},
	{"not a program", func(path string) error { return WriteProgram(path, nil) }, 126, syscall.ENOEXEC},
	{"no interpreter", func(path string) error { return WriteProgram(path, []byte("#!/nonexistent/sh\n")) }, 127, syscall.ENOENT},
	{"a loop", func(path string) error { return os.Symlink(path, path) }, 126, syscall.ELOOP},
}
