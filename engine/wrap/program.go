package wrap

import (
	"os"
	"strings"
	"syscall"

	"ucspitls/engine/diag"
	"ucspitls/engine/entry"
	"ucspitls/engine/fd"
)

// bindir is where the -io programs were installed, set by the linker
// (-X ucspitls/engine/wrap.bindir=/usr/bin). Empty in a development build.
var bindir string

// Bindir is where the -io programs were installed; empty in a development build.
func Bindir() string { return bindir }

// Sibling is the path of another program of ours: in the compiled-in bindir,
// else in the folder of this executable. Never in PATH, where another
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

// DefaultPath is used when PATH is not set, as skalibs does.
const DefaultPath = "/usr/bin:/bin"

// Exec replaces this process by prog, looked up in PATH of environ. It returns
// only when that failed: 127 when there is no such program, else 126.
func Exec(prog, environ []string) error {
	err := syscall.ENOENT
	if strings.IndexByte(prog[0], '/') >= 0 {
		err = errno(entry.Exec(prog[0], prog, environ))
	} else if prog[0] != "" {
		for _, dir := range strings.Split(path(environ), ":") {
			if dir == "" {
				dir = "."
			}
			switch e := errno(entry.Exec(dir+"/"+prog[0], prog, environ)); e {
			case syscall.ENOENT, syscall.ENOTDIR:
			case syscall.EACCES:
				err = e // a later folder may have one that can be executed
				continue
			default:
				return execFailed(prog[0], e)
			}
		}
	}
	return execFailed(prog[0], err)
}

func execFailed(prog string, e syscall.Errno) error {
	return diag.Fail(diag.ExecCode(e), "unable to exec ", prog, ": ", e.Error())
}

// errno is the system's error in err. Another one, as for a NUL in a word, is
// EINVAL.
func errno(err error) syscall.Errno {
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EINVAL
}

func path(environ []string) string {
	for _, item := range environ {
		if strings.HasPrefix(item, "PATH=") {
			return item[len("PATH="):]
		}
	}
	return DefaultPath
}

// spawn starts a program of ours with the given descriptors on 0, 1, 2 ...
func spawn(path string, argv, environ []string, files []int) (pid int, err error) {
	fds := make([]uintptr, len(files))
	for i, n := range files {
		fds[i] = uintptr(n)
	}
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: environ, Files: fds})
}

// CannotRun is the error for a program of ours that can't be executed, or that
// there was no process for.
func CannotRun(path string, err error) error {
	if err == syscall.EAGAIN || err == syscall.ENOMEM {
		return diag.FailSys("start "+path, err)
	}
	return diag.Fail(diag.ExecCode(errno(err)), "cannot run ", path, ": ", diag.Cause(err))
}

// waitFor reaps pid and gives its exit code, 128+N when signal N ended it.
func waitFor(pid int) (int, error) {
	var ws syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, diag.FailSys("wait for the TLS process", err)
		}
		if ws.Signaled() {
			return diag.Signal + int(ws.Signal()), nil
		}
		return ws.ExitStatus(), nil
	}
}

// checkOpen refuses network descriptors that are not there, before the
// channels could take their numbers.
func (side *Side) checkOpen(netR, netW int) error {
	for _, n := range []int{netR, netW} {
		if side.Server && entry.Closed(n) || !fd.Open(n) {
			return diag.Fail(diag.System, "unable to check network descriptor ", diag.Int(n), ": bad file descriptor")
		}
	}
	return nil
}
