//go:build linux && (amd64 || arm64)

package listen

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
)

// The child must start with the limits and signals that s6-tlsserver was
// started with, and syscall.ForkExec would give it those of the Go runtime.
// So it is forked here, with the hooks that package syscall has around its own
// fork, and entry.Restore runs in the child.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// A launch is everything that the child needs: it can allocate nothing.
type launch struct {
	path       *byte
	argv, envv **byte
	conn       uintptr
	failed     [3][]byte // the line for an exec that fails: not there, not permitted, else
}

// spawn starts a program with the connection on 0 and 1. When the exec itself
// fails the child says so on stderr and exits as a shell would.
func spawn(path string, argv, environ []string, conn int) (int, error) {
	if !entry.Recorded() {
		return forkExec(path, argv, environ, conn)
	}
	var l launch
	var err error
	if l.path, err = syscall.BytePtrFromString(path); err != nil {
		return 0, err
	}
	argvp, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return 0, err
	}
	envvp, err := syscall.SlicePtrFromStrings(environ)
	if err != nil {
		return 0, err
	}
	l.argv, l.envv, l.conn = &argvp[0], &envvp[0], uintptr(conn)
	for i, cause := range []string{": " + syscall.ENOENT.Error(), ": " + syscall.EACCES.Error(), ""} {
		l.failed[i] = []byte("s6-tlsserver: fatal: cannot run " + path + cause + "\n")
	}
	syscall.ForkLock.Lock()
	pid, errno := fork(&l)
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, errno
	}
	return int(pid), nil
}

// fork returns in the parent only. The child has one thread and a copy of the
// memory; from the fork to the exec it makes raw system calls and nothing
// else. CLONE_VFORK holds this thread until then, which spares copies of pages.
//
//go:noinline
//go:norace
//go:nocheckptr
func fork(l *launch) (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)|syscall.CLONE_VFORK, 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	// The connection is never 0 or 1: those are taken, see detach.
	syscall.RawSyscall(syscall.SYS_DUP3, l.conn, 0, 0)
	syscall.RawSyscall(syscall.SYS_DUP3, l.conn, 1, 0)
	entry.Restore()
	_, _, errno = syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(l.path)), uintptr(unsafe.Pointer(l.argv)), uintptr(unsafe.Pointer(l.envv)))
	line := l.failed[2]
	switch errno {
	case syscall.ENOENT:
		line = l.failed[0]
	case syscall.EACCES:
		line = l.failed[1]
	}
	syscall.RawSyscall(syscall.SYS_WRITE, 2, uintptr(unsafe.Pointer(&line[0])), uintptr(len(line)))
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(diag.ExecCode(errno)), 0, 0)
	}
}
