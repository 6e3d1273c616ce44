//go:build !linux

package fd

import "syscall"

// open: no way that every system has.
func open() ([]int, bool) { return nil, false }

// Pipe makes a pipe, both ends close-on-exec.
func Pipe() (r, w int, err error) {
	var p [2]int
	if err = syscall.Pipe(p[:]); err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	return p[0], p[1], err
}

// SocketPair makes a pair of connected stream sockets, both close-on-exec.
func SocketPair() (a, b int, err error) {
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	return p[0], p[1], err
}

// Move makes to a copy of from that programs inherit.
func Move(from, to int) error {
	if from == to {
		return Inherit(from)
	}
	return syscall.Dup2(from, to)
}
