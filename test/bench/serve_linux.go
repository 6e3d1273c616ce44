package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// becomeSubreaper makes this process the parent of every orphan among its
// descendants (prctl(2)).
func becomeSubreaper() error {
	const setChildSubreaper = 36
	_, _, e := syscall.Syscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
	if e != 0 {
		return os.NewSyscallError("prctl", e)
	}
	return nil
}

// cpuOf reads the CPU clock of a running process (clock_getcpuclockid(3):
// the complement of the pid, shifted, and the scheduler's clock).
func cpuOf(pid int) (time.Duration, error) {
	const sched = 2
	var t syscall.Timespec
	_, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|sched), uintptr(unsafe.Pointer(&t)), 0)
	if e != 0 {
		return 0, os.NewSyscallError("clock_gettime", e)
	}
	return time.Duration(t.Nano()), nil
}
