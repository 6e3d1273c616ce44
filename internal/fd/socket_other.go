//go:build unix && !linux

package fd

import "syscall"

const closeOnExec = 0

// Local reports whether n is a socket of this machine alone (AF_UNIX), which can
// bring descriptors.
func Local(n int) bool {
	at, err := syscall.Getsockname(n)
	_, unix := at.(*syscall.SockaddrUnix)
	return err == nil && unix
}
