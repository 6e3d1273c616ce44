//go:build linux && (amd64 || arm64)

package entry

import (
	"runtime"
	"syscall"
	"unsafe"
)

func replace(path string, argv, envv []string) error {
	// Under the old limits every mmap fails, and a Go program whose mmap
	// fails dies. So everything is allocated now, and with one processor,
	// which this goroutine occupies, no other thread can run Go code or the
	// collector until execve ends them all. GOMAXPROCS waits for a
	// collection, and for threads that are being made.
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
	runtime.LockOSThread() // the mask of blocked signals is the thread's
	defer runtime.UnlockOSThread()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))

	return execve(pathp, &argvp[0], &envvp[0])
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
