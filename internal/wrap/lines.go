package wrap

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/words"
)

// start begins a line of this program.
func (m *memory) start(level string) { m.line.Start(m.of().Table.Program, level) }

// number adds n to the line.
func (m *memory) number(n int) {
	var d words.Digits
	m.line.Add(d.Format(uint64(n)))
}

// print ends the line and writes it to stderr, all at once if the system lets us.
func (m *memory) print() {
	b := m.line.End()
	for done := 0; done < len(b); {
		n, e := sys.Write(2, unsafe.Pointer(&b[done]), len(b)-done)
		if e != 0 || n == 0 {
			return
		}
		done += n
	}
}

// fail ends the process with a line and a code. The line is a, b and c.
func (m *memory) fail(code int, a, b, c string) {
	m.start("fatal")
	m.line.Add(a)
	m.line.Add(b)
	m.line.Add(c)
	m.print()
	sys.Exit(code)
}

// failNumber ends it with a number in the line.
func (m *memory) failNumber(code int, a string, n int, b string) {
	m.start("fatal")
	m.line.Add(a)
	m.number(n)
	m.line.Add(b)
	m.print()
	sys.Exit(code)
}

// failErrno ends it with the system's words.
func (m *memory) failErrno(code int, a, b string, e syscall.Errno) {
	m.start("fatal")
	m.line.Add(a)
	m.line.Add(b)
	m.line.Add(": ")
	m.reason(e)
	m.print()
	sys.Exit(code)
}

// failSystem is diag.FailSys.
func (m *memory) failSystem(what string, e syscall.Errno) {
	m.failErrno(diag.System, "unable to ", what, e)
}

func (m *memory) wrongUsage(p *option.Problem) {
	m.start("fatal")
	p.Say(&m.line)
	m.print()
	sys.Exit(diag.Usage)
}

// reason adds the system's words for e to the line.
func (m *memory) reason(e syscall.Errno) {
	if s := sys.Reason(e); s != "" {
		m.line.Add(s)
		return
	}
	m.line.Add("errno ")
	m.number(int(e))
}

// tell says at -v2 what prog has done.
func (m *memory) tell(what string) {
	if m.Number(option.Verbosity) < diag.Verbose {
		return
	}
	m.start("info")
	m.line.Add("pid ")
	m.number(m.pid)
	m.line.Add(what)
	m.print()
}
