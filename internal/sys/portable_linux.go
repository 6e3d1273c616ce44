//go:build !fastentry || !(amd64 || arm64)

package sys

import (
	"syscall"
	"unsafe"
)

func seen(st *syscall.Stat_t, err error) (Status, bool) {
	return Status{uint64(st.Dev), uint64(st.Ino), st.Mode&syscall.S_IFMT == syscall.S_IFSOCK}, err == nil
}

func Stat(path string) (Status, bool) {
	var st syscall.Stat_t
	return seen(&st, syscall.Stat(path[:len(path)-1], &st))
}

func FStat(n int) (Status, bool) {
	var st syscall.Stat_t
	return seen(&st, syscall.Fstat(n, &st))
}

func Socket() (int, syscall.Errno) {
	n, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	return n, errno(err)
}

func Connect(n int, path string) syscall.Errno {
	at := &syscall.SockaddrUnix{Name: path}
	_, e := retry(func() (int, error) { return 0, syscall.Connect(n, at) })
	return e
}

func Patience(n int, seconds int64) {
	limit := syscall.NsecToTimeval(seconds * 1e9)
	syscall.SetsockoptTimeval(n, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit)
	syscall.SetsockoptTimeval(n, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
}

func Peer(n int) (uint32, syscall.Errno) {
	credentials, err := syscall.GetsockoptUcred(n, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return 0, errno(err)
	}
	return credentials.Uid, 0
}

func Send(n int, b []byte) syscall.Errno { return SendFiles(n, b, nil) }

func SendFiles(n int, b []byte, files []int32) syscall.Errno {
	var rights []byte
	if len(files) > 0 {
		all := make([]int, len(files))
		for i, f := range files {
			all[i] = int(f)
		}
		rights = syscall.UnixRights(all...)
	}
	_, e := retry(func() (int, error) { return 0, syscall.Sendmsg(n, b, rights, nil, syscall.MSG_NOSIGNAL) })
	return e
}

func Receive(n int, b []byte, atOnce bool) (int, syscall.Errno) {
	flags := 0
	if atOnce {
		flags = syscall.MSG_DONTWAIT
	}
	return retry(func() (int, error) {
		got, _, err := syscall.Recvfrom(n, b, flags)
		return got, err
	})
}

func SetGID(id uint32) syscall.Errno { return errno(syscall.Setresgid(int(id), int(id), int(id))) }
func SetUID(id uint32) syscall.Errno { return errno(syscall.Setresuid(int(id), int(id), int(id))) }

// Capset: a program with cgo can't do that for all its threads.
func Capset(header, sets unsafe.Pointer) {
	syscall.AllThreadsSyscall(syscall.SYS_CAPSET, uintptr(header), uintptr(sets), 0)
}
