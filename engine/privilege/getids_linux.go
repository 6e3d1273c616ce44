//go:build linux && !386 && !arm

package privilege

import (
	"syscall"
	"unsafe"
)

// isUser reports whether id is the real, the effective and the saved one.
func isUser(id int) bool { return all3(syscall.SYS_GETRESUID, id) }

// isGroup is the same for groups.
func isGroup(id int) bool { return all3(syscall.SYS_GETRESGID, id) }

func all3(call uintptr, id int) bool {
	var r, e, s uint32
	_, _, errno := syscall.RawSyscall(call, uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&s)))
	return errno == 0 && int(r) == id && int(e) == id && int(s) == id
}
