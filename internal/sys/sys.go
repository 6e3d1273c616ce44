// Package sys is the system calls of the wrappers. With the tag fastentry they
// are raw ones, which need no Go runtime: those programs run in front of it
// (linux/amd64 and linux/arm64, see package wrap). Everywhere else they are those
// of package syscall. What is made here is close-on-exec, and a call that a signal
// interrupts is restarted.
package sys

import "unsafe"

// Pointer is the size of one.
const Pointer = unsafe.Sizeof(uintptr(0))

// A Status is what fstat(2) says.
type Status struct {
	Device, Inode uint64
	Socket        bool
}
