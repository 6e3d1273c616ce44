//go:build fastentry && (amd64 || arm64)

package sys

import "syscall"

var reasons = [...]struct {
	e     syscall.Errno
	words string
}{
	{syscall.ENOENT, "no such file or directory"},
	{syscall.EACCES, "permission denied"},
	{syscall.E2BIG, "argument list too long"},
	{syscall.ENOEXEC, "exec format error"},
	{syscall.ENOTDIR, "not a directory"},
	{syscall.EISDIR, "is a directory"},
	{syscall.ELOOP, "too many levels of symbolic links"},
	{syscall.ENAMETOOLONG, "file name too long"},
	{syscall.ENOMEM, "cannot allocate memory"},
	{syscall.EAGAIN, "resource temporarily unavailable"},
	{syscall.EPERM, "operation not permitted"},
	{syscall.ETXTBSY, "text file busy"},
	{syscall.EINVAL, "invalid argument"},
	{syscall.EIO, "input/output error"},
	{syscall.EMFILE, "too many open files"},
	{syscall.ENFILE, "too many open files in system"},
	{syscall.ELIBBAD, "accessing a corrupted shared library"},
	{syscall.EFAULT, "bad address"},
	{syscall.EBADF, "bad file descriptor"},
	{syscall.ECHILD, "no child processes"},
	{syscall.EPROTOTYPE, "protocol wrong type for socket"}, // connect(2), sendmsg(2)
	{syscall.ECONNRESET, "connection reset by peer"},
	{syscall.EPIPE, "broken pipe"},
	{syscall.ETOOMANYREFS, "too many references: cannot splice"},
	{syscall.ENOBUFS, "no buffer space available"},
}
