package guard

import "syscall"

// hide keeps the key in this process: no core, no ptrace by another process of
// the same uid; and it ties the guard's life to its parent's, also while it
// waits in the opening of a key file. It is false when the parent is gone.
// The sandbox does more, but only when the files are read.
//
// The kernel forgets some of this when ids change.
func hide(parent int) bool {
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	prctl(prSetDumpable, 0)
	prctl(syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL))
	return syscall.Getppid() == parent
}

const prSetDumpable = 4

func prctl(what, value uintptr) { syscall.RawSyscall(syscall.SYS_PRCTL, what, value, 0) }
