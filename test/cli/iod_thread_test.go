//go:build linux

package cli

import (
	"runtime"
	"syscall"
)

// lockedAs runs f with another effective uid, of this thread alone.
func lockedAs(uid int, f func()) {
	runtime.LockOSThread()
	syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0))
	f()
	syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), 0, ^uintptr(0))
	runtime.UnlockOSThread()
}
