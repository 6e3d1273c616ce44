package iod

import (
	"os"
	"syscall"
)

// tellReady says that connections are served: a newline on the descriptor of
// -d (s6), READY=1 to NOTIFY_SOCKET (systemd).
func tellReady(fd int) {
	if fd > 0 {
		syscall.Write(fd, []byte("\n"))
		syscall.Close(fd)
	}
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	s, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(s)
	syscall.Sendto(s, []byte("READY=1"), syscall.MSG_NOSIGNAL, &syscall.SockaddrUnix{Name: path}) // a leading @ is understood
}
