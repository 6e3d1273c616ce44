//go:build !fastentry || !linux || !(amd64 || arm64)

package wrap

import (
	"os"
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// run is the wrapper started by main; it returns for a text. A Go program can't
// fork without an exec, so the waiting process is the same executable started
// again, recognised by its argv[0]. Behind that stand prog's pid and the words that
// this one was given, which it reads in the same way.
func (w *Program) run(list []string) error {
	m := &static
	argv, e := sys.Vector(list)
	envp, e2 := sys.Vector(os.Environ())
	if e != 0 || e2 != 0 {
		return diag.FailSys("copy the command line", max(e, e2))
	}
	if len(list) > 0 && list[0] == w.Table.Program+WaitingFor {
		return m.waiting(w, argv, list, envp)
	}
	if !m.plan(w, argv, len(list), envp) {
		return nil
	}
	m.prepare()
	if w.Delayed {
		m.goOn(m.again(list))
	} else if m.handOver(m.ioRead(), m.ioWrite(), m.ioCtl()) {
		m.goOn(0, 0)
	} else {
		m.goOn(m.spawn(words.Text(m.ioArgv[0]), vector(uintptr(unsafe.Pointer(&m.ioArgv)))))
	}
	return nil
}

func vector(v uintptr) (all []string) {
	for l := (words.List{V: v}); l.Pointer(l.N) != 0; l.N++ {
		all = append(all, l.At(l.N))
	}
	return all
}

// again starts the waiting process.
func (m *memory) again(list []string) (int, syscall.Errno) {
	name := m.of().Table.Program
	argv := append([]string{name + WaitingFor, diag.Int(m.pid)}, list[1:]...)
	return m.spawn(Self(name), argv)
}

func (m *memory) spawn(path string, argv []string) (int, syscall.Errno) {
	files := m.files()
	return sys.Spawn(path, argv, m.vector(0), files[:])
}

// waiting is the waiting process.
func (m *memory) waiting(w *Program, argv uintptr, list []string, envp uintptr) error {
	entry.NoTraces()
	entry.Hide(os.Getenv(ucspi.Sandbox)) // prog is there, with our ids
	pid, ok := uint32(0), false
	if len(list) > 1 {
		pid, ok = option.Number(list[1])
	}
	if !ok || !m.plan(w, argv+sys.Pointer, len(list)-1, envp) {
		return diag.Fail(diag.Usage, "the waiting process is not to be started by hand")
	}
	m.pid = int(pid)
	m.wait()
	return nil
}
