//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/wrap"
)

// become executes prog, looked up in PATH of its environment as wrap.Exec does.
func (m *memory) become(w *wrap.Program) {
	name := text(m.progArg())
	e := syscall.ENOENT
	if index(name, '/') >= 0 {
		e = m.exec(uintptr(m.progArg()))
	} else if name != "" {
		for dirs, more := m.searchPath(), true; more; {
			dir := dirs
			if i := index(dirs, ':'); i >= 0 {
				dir, dirs = dirs[:i], dirs[i+1:]
			} else {
				more = false
			}
			switch last := m.execIn(dir, name); last {
			case syscall.ENOENT, syscall.ENOTDIR:
			case syscall.EACCES:
				e = last // a later folder may have one that can be executed
			default:
				e, more = last, false
			}
		}
	}
	m.failErrno(w, diag.ExecCode(e), "unable to exec ", name, e)
}

func (m *memory) exec(path uintptr) syscall.Errno {
	_, e := call(syscall.SYS_EXECVE, path, m.prog, uintptr(unsafe.Pointer(&m.envp[m.progEnv])))
	return e
}

func (m *memory) execIn(dir, name string) syscall.Errno {
	if dir == "" {
		dir = "."
	}
	m.name.n, m.name.full = 0, false // the -io has got it long since
	m.name.add(dir)
	m.name.byte('/')
	m.name.add(name)
	m.name.byte(0)
	if m.name.full {
		return syscall.ENAMETOOLONG // as the kernel would say
	}
	return m.exec(m.name.from(0))
}

// searchPath is PATH of prog's environment.
func (m *memory) searchPath() string {
	for i := m.progEnv; m.envp[i] != 0; i++ {
		if s := text(*(*unsafe.Pointer)(unsafe.Pointer(&m.envp[i]))); hasPrefix(s, "PATH=") {
			return s[len("PATH="):]
		}
	}
	return wrap.DefaultPath
}

// progArg is the first word of prog's command line.
func (m *memory) progArg() unsafe.Pointer {
	return at(*(*unsafe.Pointer)(unsafe.Pointer(&m.prog)), 0)
}
