package wrap

import (
	"os"
	"strings"
	"syscall"

	"ucspitls/internal/diag"
	"ucspitls/internal/ucspi"
)

// bindir is where the -io programs were installed, set by the linker
// (-X ucspitls/internal/wrap.bindir=/usr/bin). Empty in a development build.
var bindir string

// Sibling is the path of another program of ours: in the compiled-in bindir,
// else in the directory of this executable. Never in PATH, where another
// backend's or the original might be.
func Sibling(name string) string {
	if bindir != "" {
		return bindir + "/" + name
	}
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return self[:strings.LastIndexByte(self, '/')+1] + name
}

// Self is the running executable, to be started again in another role; name is
// what to take where the system can't tell.
func Self(name string) string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return Sibling(name)
}

// CannotRun is the error for a program of ours that can't be executed, or that
// there was no process for.
func CannotRun(path string, err error) error {
	e, ok := err.(syscall.Errno)
	switch {
	case e == syscall.EAGAIN || e == syscall.ENOMEM:
		return diag.FailSys("start "+path, err)
	case !ok: // as for a NUL in a word
		e = syscall.EINVAL
	}
	return diag.Fail(diag.ExecCode(e), "cannot run ", path, ": ", diag.Cause(err))
}

// Version is the --version of a program that links no backend: its own line,
// and then that of the next program of the chain, down to the tunnel's.
func Version(program, next string) func() error {
	return func() error {
		if err := diag.Out(program, " (ucspitls) ", diag.Version, "\n"); err != nil {
			return err
		}
		path := Sibling(next)
		return CannotRun(path, syscall.Exec(path, []string{next, "--version"}, ucspi.IOEnviron(os.Environ())))
	}
}
