package main

import (
	"os"
	"syscall"
)

// raiseFiles lifts the limit on open files, for programs that are started
// from here too: what Go does at its start it takes back for them.
func raiseFiles() error {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err == nil {
		limit.Cur = limit.Max
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	return os.NewSyscallError("setrlimit", err)
}

// openFiles is how many raiseFiles allows.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Max, 1<<30))
}
