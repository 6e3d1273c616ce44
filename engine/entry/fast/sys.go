//go:build linux && (amd64 || arm64)

package fast

import "syscall"

// What package syscall lacks.
const (
	sysCloseRange = 436

	atCWD           = ^uintptr(99) // AT_FDCWD
	cloneVM         = 0x100
	cloneVFork      = 0x4000
	fDupFDCloexec   = 1030
	sigIgnore       = 1
	beyondLargestFD = 65536 // where the kernel has no close_range(2)
)

// call is a system call, restarted after a signal. RawSyscall6 knows nothing of
// the scheduler: it is what package syscall calls between fork and exec.
func call(number, a, b, c uintptr) (uintptr, syscall.Errno) {
	return call4(number, a, b, c, 0)
}

func call4(number, a, b, c, d uintptr) (uintptr, syscall.Errno) {
	return call5(number, a, b, c, d, 0)
}

func call5(number, a, b, c, d, e5 uintptr) (uintptr, syscall.Errno) {
	for {
		r, _, e := syscall.RawSyscall6(number, a, b, c, d, e5, 0)
		if e != syscall.EINTR || number == syscall.SYS_CLOSE {
			return r, e
		}
	}
}

func closeFD(n uintptr) { call(syscall.SYS_CLOSE, n, 0, 0) }

func control(n, command, arg uintptr) (uintptr, syscall.Errno) {
	return call(syscall.SYS_FCNTL, n, command, arg)
}

func isOpen(n uintptr) bool {
	_, e := control(n, syscall.F_GETFD, 0)
	return e == 0
}

func shutdown(n, how uintptr) { call(syscall.SYS_SHUTDOWN, n, how, 0) }

// exit ends the process.
func exit(code int) {
	for {
		call(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
	}
}
