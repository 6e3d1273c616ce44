//go:build linux

package entrytest

import (
	"syscall"
	"unsafe"
)

// ResetSignals gives the signals that the C library and threads use for
// themselves, 32 to 34, their default action: whoever started the tests may
// have left them ignored, and a test that looks at its programs' signals would
// see that.
func ResetSignals() {
	var action [8]uint64 // struct sigaction, all zero: SIG_DFL
	for n := uintptr(32); n <= 34; n++ {
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
}
