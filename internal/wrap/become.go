package wrap

import (
	"syscall"

	"ucspitls/internal/diag"
	"ucspitls/internal/sys"
	"ucspitls/internal/words"
)

// DefaultPath is used when PATH is not set, as skalibs does.
const DefaultPath = "/usr/bin:/bin"

// become drops rights and executes prog, looked up in PATH of its environment.
func (m *memory) become() {
	fault := m.ids().Become()
	m.check(&fault)
	for n := range m.closed {
		if m.closed[n] {
			sys.CloseAgain(n)
		}
	}
	sys.Restore()
	name := m.Words.At(m.Operands)
	e := syscall.ENOENT
	if words.Index(name, '/') >= 0 {
		e = m.exec(m.Words.Pointer(m.Operands))
	} else if name != "" {
		dirs, more := m.searchPath(), true
		for more {
			var dir string
			dir, dirs, more = words.Cut(dirs, ':')
			switch last := m.execIn(dir, name); last {
			case syscall.ENOENT, syscall.ENOTDIR:
			case syscall.EACCES:
				e = last // a later directory may have one that can be executed
			default:
				e, more = last, false
			}
		}
	}
	m.failErrno(diag.ExecCode(e), "unable to exec ", name, e)
}

func (m *memory) exec(path uintptr) syscall.Errno {
	return sys.Execute(path, m.Words.V+uintptr(m.Operands)*sys.Pointer, m.vector(m.environment.prog), false)
}

func (m *memory) execIn(dir, name string) syscall.Errno {
	if dir == "" {
		dir = "."
	}
	if !m.text.fits(len(dir) + len(name)) {
		return syscall.ENAMETOOLONG // as the kernel would say
	}
	mark := m.text.mark()
	m.text.add(dir)
	m.text.add("/")
	m.text.add(name)
	path := m.text.end(mark)
	m.text.n = mark
	return m.exec(path)
}

// searchPath is PATH of prog's environment.
func (m *memory) searchPath() string {
	if path, set := m.value("PATH"); set {
		return path
	}
	return DefaultPath
}
