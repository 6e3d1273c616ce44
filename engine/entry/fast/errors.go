//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/words"
	"ucspitls/engine/wrap"
)

// number adds n to the line.
func (m *memory) number(n uint64) {
	var d words.Digits
	m.line.Add(d.Format(n))
}

// errno adds the system's words.
func (m *memory) errno(e syscall.Errno) {
	if s := reason(e); s != "" {
		m.line.Add(s)
	} else {
		m.line.Add("errno ")
		m.number(uint64(e))
	}
}

// print ends the line and writes it to stderr, all at once if the system lets us.
func (m *memory) print() {
	b := m.line.End()
	for done := 0; done < len(b); {
		n, e := call(syscall.SYS_WRITE, 2, uintptr(unsafe.Pointer(&b[done])), uintptr(len(b)-done))
		if e != 0 || n == 0 {
			return
		}
		done += int(n)
	}
}

// fail ends the process with a line and a code. The line is a, b and c.
func (m *memory) fail(w *wrap.Program, code int, a, b, c string) {
	m.line.Start(w.Table.Program, "fatal")
	m.line.Add(a)
	m.line.Add(b)
	m.line.Add(c)
	m.print()
	exit(code)
}

// failNumber ends it with a number behind the text.
func (m *memory) failNumber(w *wrap.Program, code int, text string, n int) {
	m.line.Start(w.Table.Program, "fatal")
	m.line.Add(text)
	m.number(uint64(n))
	m.print()
	exit(code)
}

// failErrno ends it with the system's words.
func (m *memory) failErrno(w *wrap.Program, code int, a, b string, e syscall.Errno) {
	m.line.Start(w.Table.Program, "fatal")
	m.line.Add(a)
	m.line.Add(b)
	m.line.Add(": ")
	m.errno(e)
	m.print()
	exit(code)
}

// failSystem is diag.FailSys.
func (m *memory) failSystem(w *wrap.Program, what string, e syscall.Errno) {
	m.failErrno(w, diag.System, "unable to ", what, e)
}

// reason is what e is called: the words of package syscall, whose table is not
// for others, for the errors that execve(2) and its like are known to give.
func reason(e syscall.Errno) string {
	for i := range reasons {
		if reasons[i].e == e {
			return reasons[i].words
		}
	}
	return ""
}

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
