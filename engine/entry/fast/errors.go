//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/handover"
	"ucspitls/engine/wrap"
)

// A line is built in static memory; what is longer is cut. It has room for a
// message to a shared tunnel process, and for a byte that shows that it is too long.
type line struct {
	n int
	b [handover.MaxMessage + 2]byte
}

// start begins a line as diag.Printer does.
func (l *line) start(w *wrap.Program, level string) {
	l.n = 0
	l.raw(w.Table.Program)
	l.raw(": ")
	l.raw(level)
	l.raw(": ")
}

func (l *line) raw(s string) {
	for i := 0; i < len(s) && l.n < len(l.b)-1; i++ {
		l.b[l.n] = s[i]
		l.n++
	}
}

// text adds s with its control characters escaped.
func (l *line) text(s string) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == 0x7f {
			l.raw("\\x")
			l.raw("0123456789ABCDEF"[c>>4 : c>>4+1])
			l.raw("0123456789ABCDEF"[c&15 : c&15+1])
		} else {
			l.raw(s[i : i+1])
		}
	}
}

func (l *line) number(n uint64) {
	var d digits
	l.raw(d.format(n))
}

// errno adds the system's words.
func (l *line) errno(e syscall.Errno) {
	if s := reason(e); s != "" {
		l.raw(s)
	} else {
		l.raw("errno ")
		l.number(uint64(e))
	}
}

// print writes the line to stderr, all at once if the system lets us.
func (l *line) print() {
	l.b[l.n] = '\n'
	for done := 0; done <= l.n; {
		n, e := call(syscall.SYS_WRITE, 2, uintptr(unsafe.Pointer(&l.b[done])), uintptr(l.n+1-done))
		if e != 0 || n == 0 {
			return
		}
		done += int(n)
	}
}

// fail ends the process with a line and a code. The line is a, b and c.
func (m *memory) fail(w *wrap.Program, code int, a, b, c string) {
	m.line.start(w, "fatal")
	m.line.text(a)
	m.line.text(b)
	m.line.text(c)
	m.line.print()
	exit(code)
}

// failNumber ends it with a number behind the text.
func (m *memory) failNumber(w *wrap.Program, code int, text string, n int) {
	m.line.start(w, "fatal")
	m.line.text(text)
	m.line.number(uint64(n))
	m.line.print()
	exit(code)
}

// failErrno ends it with the system's words.
func (m *memory) failErrno(w *wrap.Program, code int, a, b string, e syscall.Errno) {
	m.line.start(w, "fatal")
	m.line.text(a)
	m.line.text(b)
	m.line.text(": ")
	m.line.errno(e)
	m.line.print()
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
