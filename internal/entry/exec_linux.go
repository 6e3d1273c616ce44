//go:build linux && (amd64 || arm64)

package entry

import (
	"runtime"
	"syscall"
	"unsafe"
)

// The two that package syscall holds around its own execve. Between them no
// thread is being made, and the lock they take pins this goroutine to its
// thread, whose mask of blocked signals the new program inherits.

//go:linkname beforeExec syscall.runtime_BeforeExec
func beforeExec()

//go:linkname afterExec syscall.runtime_AfterExec
func afterExec()

func replace(path string, argv, envv []string) error {
	// Whatever has to be allocated is allocated under the lifted limits.
	pathp, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	argvp, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	envvp, err := syscall.SlicePtrFromStrings(envv)
	if err != nil {
		return err
	}
	if mapsLimited() {
		// Other threads may not allocate either until execve ends them. So
		// there is one processor, which this goroutine keeps, and they have
		// none to run Go code or the collector on.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	beforeExec()
	errno := execve(pathp, &argvp[0], &envvp[0])
	afterExec()
	return errno
}

// mapsLimited reports whether Restore will put back a limit on mmap(2).
func mapsLimited() bool {
	as, data := record.limits[0], record.limits[1]
	return as.cur < as.max || data.cur < data.max
}

// execve returns only if it failed.
//
//go:nosplit
//go:norace
func execve(path *byte, argv, envv **byte) syscall.Errno {
	undo := restore()
	_, _, errno := syscall.RawSyscall(syscall.SYS_EXECVE,
		uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(argv)), uintptr(unsafe.Pointer(envv)))
	undo()
	return errno
}
