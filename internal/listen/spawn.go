package listen

import (
	"os"
	"strings"
	"syscall"

	"ucspitls/internal/fd"
	"ucspitls/internal/wrap"
)

// inPath looks a program up in PATH.
func inPath(name string) (string, syscall.Errno) {
	path, ok := os.LookupEnv("PATH")
	if !ok {
		path = wrap.DefaultPath
	}
	err := syscall.ENOENT
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		e := syscall.Access(dir+"/"+name, 1)
		if e == nil {
			return dir + "/" + name, 0
		}
		if e, ok := e.(syscall.Errno); ok && e != syscall.ENOTDIR && e != syscall.ENOENT {
			err = e
		}
	}
	return "", err
}

// move is fd.Move for a number that stays close-on-exec.
func move(from, to int) error {
	if err := fd.Move(from, to); err != nil {
		return err
	}
	syscall.CloseOnExec(to)
	return nil
}

// forkExec starts a program in a build without the recording entry.
func forkExec(path string, argv, environ []string, conn int) (int, error) {
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env: environ, Files: []uintptr{uintptr(conn), uintptr(conn), 2},
	})
}
