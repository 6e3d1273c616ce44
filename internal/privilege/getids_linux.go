//go:build linux && !386 && !arm

package privilege

import (
	"syscall"
	"unsafe"
)

// isUser reports whether id is the real, the effective and the saved one.
func isUser(id uint32) bool { return all3(syscall.SYS_GETRESUID, id) }

// isGroup is the same for groups.
func isGroup(id uint32) bool { return all3(syscall.SYS_GETRESGID, id) }

func all3(call uintptr, id uint32) bool {
	var r, e, s uint32
	_, _, errno := syscall.RawSyscall6(call, uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&s)), 0, 0, 0)
	return errno == 0 && r == id && e == id && s == id
}
