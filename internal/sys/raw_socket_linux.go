//go:build fastentry && (amd64 || arm64)

package sys

import (
	"syscall"
	"unsafe"
)

// Socket makes a unix socket of packets.
func Socket() (int, syscall.Errno) {
	n, e := call(syscall.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0, 0, 0)
	return int(n), e
}

var address struct {
	family uint16
	path   [108]byte
}

// Connect is syscall.Connect: a name that begins with @ is an abstract one.
func Connect(fd int, path string) syscall.Errno {
	length := 2 + len(path)
	if path[0] != '@' {
		length++ // its NUL
	}
	if length > int(unsafe.Sizeof(address)) {
		return syscall.EINVAL
	}
	address.family = syscall.AF_UNIX
	for i := 0; i < len(path); i++ {
		address.path[i] = path[i]
	}
	if path[0] == '@' {
		address.path[0] = 0
	}
	return error0(call(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address)), uintptr(length), 0, 0))
}

var limit [2]int64 // struct timeval

// Patience bounds how long sending and receiving may take; 0: any time.
func Patience(fd int, seconds int64) {
	limit[0] = seconds
	for _, which := range [...]uintptr{syscall.SO_SNDTIMEO, syscall.SO_RCVTIMEO} {
		call(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, which, uintptr(unsafe.Pointer(&limit)), unsafe.Sizeof(limit))
	}
}

var (
	credentials syscall.Ucred
	length      uint32
)

// Peer is the uid at the other end.
func Peer(fd int) (uint32, syscall.Errno) {
	length = uint32(unsafe.Sizeof(credentials))
	_, e := call(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED, uintptr(unsafe.Pointer(&credentials)), uintptr(unsafe.Pointer(&length)))
	return credentials.Uid, e
}

func Send(fd int, b []byte) syscall.Errno {
	return error0(call(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), syscall.MSG_NOSIGNAL, 0))
}

// Receive takes one message. At once: if there is one.
func Receive(fd int, b []byte, atOnce bool) (int, syscall.Errno) {
	flags := uintptr(0)
	if atOnce {
		flags = syscall.MSG_DONTWAIT
	}
	n, e := call(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0)
	return int(n), e
}

var (
	vector [2]uintptr // struct iovec
	rights struct {   // struct cmsghdr and its data
		length      uint64
		level, kind int32
		files       [8]int32
	}
	message struct { // struct msghdr
		name, nameLength       uintptr
		vector, vectors        uintptr
		control, controlLength uintptr
		flags                  uintptr
	}
)

// SendFiles sends a message with descriptors, 8 at most.
func SendFiles(fd int, b []byte, files []int32) syscall.Errno {
	for i := range files {
		rights.files[i&7] = files[i]
	}
	rights.length = uint64(unsafe.Offsetof(rights.files)) + 4*uint64(len(files))
	rights.level, rights.kind = syscall.SOL_SOCKET, syscall.SCM_RIGHTS
	vector[0], vector[1] = uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))
	message.vector, message.vectors = uintptr(unsafe.Pointer(&vector)), 1
	message.control, message.controlLength = uintptr(unsafe.Pointer(&rights)), uintptr(rights.length)
	return error0(call(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), syscall.MSG_NOSIGNAL, 0, 0))
}

func Shutdown(fd, how int) { call(syscall.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0, 0, 0) }

var junk [512]byte

// CloseReceiver is fd.CloseReceiver.
func CloseReceiver(fd int) {
	Shutdown(fd, syscall.SHUT_RD)
	for {
		if n, e := Receive(fd, junk[:], true); e != 0 || n == 0 {
			break
		}
	}
	Close(fd)
}
