// Package diag is how the programs speak and end: one line on stderr,
// NAME: LEVEL: text, and an exit code from one table. What a line may hold, and
// how long it may be, is package line's to say.
//
// It is linked into every program, so it imports nothing that costs
// start-up time: no fmt, no log.
package diag

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"ucspitls/internal/line"
)

// Exit codes. They are part of the interface and the same on every backend.
const (
	OK            = 0
	Config        = 96  // a file is missing, unreadable or malformed, or a value can't be had in this build
	Setup         = 97  // the TLS engine could not be set up
	TLS           = 98  // handshake failed or timed out, bad record, missing close_notify
	Usage         = 100 // wrong usage, or a required variable is not set
	Bug           = 101 // a bug of ours
	System        = 111 // a system call failed
	NotExecutable = 126 // a program is there, but an execve of it fails
	NotFound      = 127 // a program is not there
	Signal        = 128 // plus the number of the signal that ended an -io
)

// EndsSession reports whether code is one that a tunnel ends with when there was
// no session. It is another process's to say, and that process may be somebody
// else's by now: what it says is compared with the table.
func EndsSession(code int) bool {
	return code == Config || code == Setup || code == TLS || code == Usage || code == Bug || code == System || code > Signal && code <= Signal+64
}

// ExecCode is the exit code for an execve that failed with e.
func ExecCode(e syscall.Errno) int {
	if e == syscall.ENOENT || e == syscall.ENOTDIR {
		return NotFound
	}
	return NotExecutable
}

// Verbosity levels of -v.
const (
	Quiet   = 0
	Normal  = 1
	Verbose = 2
	Debug   = 3
)

// An Error ends a program with a code and a line. Text is printed as a whole: its
// parts were cut by what put it together.
type Error struct {
	Code  int
	Text  string
	Level uint // the lowest verbosity at which the line is printed
}

func (e *Error) Error() string { return e.Text }

// Fail is an error with a code; its line is printed at every verbosity.
func Fail(code int, text ...string) *Error { return &Error{Code: code, Text: Join(text...)} }

// Join puts the parts of a text together as a line has them.
func Join(text ...string) string {
	b := ""
	for _, s := range text {
		b += line.Part(s)
	}
	return b
}

// NotYet refuses what the interface has, and this version does not do.
func NotYet(what string) *Error { return Fail(Config, what, ": not built yet") }

// FailSys is a failed system call: 111, "unable to WHAT: REASON".
func FailSys(what string, err error) *Error {
	return Fail(System, "unable to ", what, ": ", Cause(err))
}

// Silent ends a program with a code and no line.
func Silent(code int) *Error { return &Error{Code: code} }

// Cause is the system's own words for err, without the operation and the path.
func Cause(err error) string {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err.Error()
		}
		err = u.Unwrap()
	}
}

// A Printer writes the lines of one program.
type Printer struct {
	Name      string
	Verbosity uint
	// Sink, if it is not nil, gets "level: text" instead of stderr.
	Sink func(said string)
}

// Line writes "NAME: level: text" if the verbosity is at least min. Each string
// is a part of the line: what is from elsewhere is one of its own.
func (p *Printer) Line(min uint, level string, text ...string) {
	if p.Verbosity < min {
		return
	}
	var l line.Line
	l.Start(p.Name, level)
	for _, s := range text {
		l.Add(s)
	}
	p.end(&l)
}

// Relay prints a line of another process, "level: text", under p's name and
// whatever the verbosity.
func (p *Printer) Relay(said string) {
	var l line.Line
	l.Relay(p.Name, said)
	write(2, l.End())
}

func (p *Printer) end(l *line.Line) {
	b := l.End()
	if p.Sink != nil {
		p.Sink(string(b[len(p.Name)+len(": ") : len(b)-1]))
		return
	}
	write(2, b)
}

func (p *Printer) Warning(text ...string) { p.Line(Normal, "warning", text...) }

// Info is a line of -v2: what happened.
func (p *Printer) Info(text ...string) { p.Line(Verbose, "info", text...) }

// Debug is a line of -v3: how it happened.
func (p *Printer) Debug(text ...string) { p.Line(Debug, "debug", text...) }

// Usage prints the usage line and gives the error that ends the program.
func (p *Printer) Usage(synopsis string) *Error {
	var l line.Line
	l.Start(p.Name, "usage")
	l.Own(synopsis)
	p.end(&l)
	return Silent(Usage)
}

// Exit reports err, if there is one, and ends the program. Where there is a
// runtime to end, nothing else in the programs does (TestOneExit).
func (p *Printer) Exit(err error) {
	if err == nil {
		os.Exit(OK)
	}
	e, ok := err.(*Error)
	if !ok {
		e = Fail(Bug, "internal error: ", err.Error())
	}
	p.Fatal(e)
	os.Exit(e.Code)
}

// Fatal prints the line of an error, if it has one.
func (p *Printer) Fatal(e *Error) {
	if e.Text == "" || p.Verbosity < e.Level {
		return
	}
	var l line.Line
	l.Start(p.Name, "fatal")
	l.Text(e.Text)
	p.end(&l)
}

// Run ends the program with what body returns. A panic becomes one line and
// code 101, never a trace.
func (p *Printer) Run(body func() error) {
	defer func() {
		if v := recover(); v != nil {
			p.Exit(Panicked(v))
		}
	}()
	p.Exit(body())
}

// Out writes text to stdout, for --help and --version.
func Out(text ...string) error {
	if !write(1, []byte(strings.Join(text, ""))) {
		return Silent(System)
	}
	return nil
}

// Panicked is the error for what recover gave.
func Panicked(v any) *Error { return Fail(Bug, "internal error: ", describe(v)) }

func describe(v any) string {
	switch v := v.(type) {
	case error:
		return v.Error()
	case string:
		return v
	}
	return "panic"
}

func write(fd int, b []byte) bool {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// Uint and Int format numbers without fmt.
func Uint(n uint64) string { return strconv.FormatUint(n, 10) }
func Int(n int) string     { return strconv.Itoa(n) }
