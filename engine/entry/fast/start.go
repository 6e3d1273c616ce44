//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/entry"
	"ucspitls/engine/line"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/wrap"
)

// memory is all that the program has. What of it is not touched costs nothing,
// so that what each start touches lies together.
type memory struct {
	plan
	channels
	pid   uintptr       // of the wrapper, later prog
	execE syscall.Errno // why the -io could not be started, from the child that shares our memory

	line line.Line
	blob [ucspi.MaxBlob]byte
	shared
}

//lint:file-ignore U1000 the assembly uses these

var (
	static memory

	// noG stands for a g: of one, Go code looks only at the bound of its stack,
	// at offset 16. 0 is below every stack.
	noG [8]uintptr

	// Through these the assembly calls what the compiler made, which is not
	// otherwise within its reach.
	startFunc  = start
	childFunc  = child
	parentFunc = parent
)

// start does what can be undone: the plan and the channels. It returns the
// flags for clone(2), or 0 when main is to do it all. Where the shared tunnel
// process takes the session it does not return.
func start(w *wrap.Program, sp unsafe.Pointer) uintptr {
	m := &static
	if !m.make(w, sp) || !m.usual(w) || !w.Delayed && ignoresChildren() {
		return 0
	}
	// For the child, which is hidden from its first moment: prog has its ids.
	entry.Hide(m.lookup(ucspi.Sandbox))
	m.pid, _ = call(syscall.SYS_GETPID, 0, 0, 0)
	if !m.open(w.Delayed) {
		m.undo()
		return 0
	}
	if w.Delayed {
		return uintptr(syscall.SIGCHLD)
	}
	if m.handOver(w, m.ioRead(), m.ioWrite(), m.ioCtl()) {
		m.immediate(w, 0)
	}
	// The child executes the -io at once: it borrows our memory until then.
	return uintptr(syscall.SIGCHLD) | cloneVM | cloneVFork
}

// child is the life of the child. It does not return.
func child(w *wrap.Program) {
	m := &static
	if w.Delayed {
		m.wait(w)
	}
	if m.execE = m.place(w.Side.Server); m.execE == 0 {
		m.execE = m.execIO(0)
	}
	exit(127)
}

// parent goes on as prog once the child with that pid is there. It returns only
// if there is no child, and then everything is as it was.
func parent(w *wrap.Program, pid int) {
	m := &static
	switch {
	case pid < 0 && (m.refused || !entry.Liftable()):
		// Main would say again why there is no shared process, and where there is
		// no room for this child there is none for the threads of its runtime.
		m.failErrno(w, diag.System, "unable to start ", text(unsafe.Pointer(&m.path.b)), syscall.Errno(-pid))
	case pid < 0:
		m.undo()
	case w.Delayed:
		m.delayed(w)
	default:
		m.immediate(w, pid)
	}
}

// ignoresChildren tells whether SIGCHLD is ignored: then there is nobody to
// wait for, unless the runtime handles the signal.
func ignoresChildren() bool {
	_, e := call4(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGCHLD), 0, uintptr(unsafe.Pointer(&action)), 8)
	return e != 0 || action[0] == sigIgnore
}

var action [4]uintptr // struct sigaction of the kernel

// execIO executes the -io; skip is how many words of its command line are left
// out. Under a limit on memory even the execve of a Go program fails.
func (m *memory) execIO(skip int) syscall.Errno {
	entry.Lift()
	_, e := call(syscall.SYS_EXECVE, m.ioArgv[0], uintptr(unsafe.Pointer(&m.ioArgv[skip])), uintptr(unsafe.Pointer(&m.envp[0])))
	return e
}

func (m *memory) verbose() bool { return m.Number(option.Verbosity) >= 2 }
