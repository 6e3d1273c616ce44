package fd

import (
	"strconv"
	"syscall"
)

// table is a variable for the tests.
var table = "/proc/self/fd"

// open lists the open descriptors; false where there is no /proc.
func open() (list []int, ok bool) {
	dir, err := syscall.Open(table, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer syscall.Close(dir)
	buf := make([]byte, 2048)
	for {
		n, err := syscall.ReadDirent(dir, buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return list, err == nil
		}
		_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if fd, err := strconv.Atoi(name); err == nil {
				list = append(list, fd)
			}
		}
	}
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
