package fd

import "syscall"

const closeOnExec = syscall.MSG_CMSG_CLOEXEC

// Local reports whether n is a socket of this machine alone (AF_UNIX), which can
// bring descriptors.
func Local(n int) bool {
	domain, err := syscall.GetsockoptInt(n, syscall.SOL_SOCKET, syscall.SO_DOMAIN)
	return err == nil && domain == syscall.AF_UNIX
}
