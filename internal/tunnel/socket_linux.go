package tunnel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What can't block is called without telling Go's scheduler, which for a call
// that takes long, and moving 64 KiB does, takes the processor away and gives it
// back by way of another thread (doc/bench.md). A call that may block must not be
// made like this.

// recv reads a socket. (unix.Recvfrom would allocate an address each time.)
func recv(n int, p []byte) (int, error) {
	m, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(n), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	return result(m, e)
}

// send writes a socket.
func send(n int, p []byte) (int, error) {
	m, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(n), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return result(m, e)
}

// readPipe reads what is in O_NONBLOCK.
func readPipe(n int, p []byte) (int, error) {
	m, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(n), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return result(m, e)
}

// writePipe writes what is in O_NONBLOCK.
func writePipe(n int, p []byte) (int, error) {
	m, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(n), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return result(m, e)
}

func result(m uintptr, e unix.Errno) (int, error) {
	if e != 0 {
		return 0, e
	}
	return int(m), nil
}

// dropReports empties a socket's error queue. Who has the socket too may have
// asked for what comes there, such as time stamps; as long as it is not taken,
// poll finds an error, again and again.
func dropReports(n int) {
	var b [1]byte
	for range 64 {
		_, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(n), uintptr(unsafe.Pointer(&b)), 1, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT, 0, 0)
		if e != 0 {
			return
		}
	}
}

// unacked is SIOCOUTQ, tcp(7): it counts the FIN as well.
func unacked(n int) int {
	v, err := unix.IoctlGetInt(n, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return v
}

// readNow and writeNow don't wait, whatever the flags of n's open file
// description, which others may change at any moment. Errors are EAGAIN and, of
// pipes before Linux 6.4, EOPNOTSUPP. They wait for who has locked the pipe,
// and Go's scheduler is told.
func readNow(n int, p []byte) (int, error)  { return vectored(unix.SYS_PREADV2, n, p) }
func writeNow(n int, p []byte) (int, error) { return vectored(unix.SYS_PWRITEV2, n, p) }

func vectored(call uintptr, n int, p []byte) (int, error) {
	v := unix.Iovec{Base: unsafe.SliceData(p)}
	v.SetLen(len(p))
	// -1: where the descriptor stands, in two halves.
	m, _, e := unix.Syscall6(call, uintptr(n), uintptr(unsafe.Pointer(&v)), 1, ^uintptr(0), ^uintptr(0), unix.RWF_NOWAIT)
	return result(m, e)
}
