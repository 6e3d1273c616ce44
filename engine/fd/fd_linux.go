package fd

import "syscall"

// closeRangeNumber is the same on every architecture (Linux 5.9).
const closeRangeNumber = 436

func sysCloseRange(low, high int) bool {
	_, _, e := syscall.Syscall(closeRangeNumber, uintptr(low), uintptr(high), 0)
	return e == 0
}

// Pipe makes a pipe, both ends close-on-exec.
func Pipe() (r, w int, err error) {
	var p [2]int
	err = syscall.Pipe2(p[:], syscall.O_CLOEXEC)
	return p[0], p[1], err
}

// SocketPair makes a pair of connected stream sockets, both close-on-exec.
func SocketPair() (a, b int, err error) {
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	return p[0], p[1], err
}

// Move makes to a copy of from that programs inherit.
func Move(from, to int) error {
	if from == to {
		return Inherit(from)
	}
	return syscall.Dup3(from, to, 0)
}
