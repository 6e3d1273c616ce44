//go:build fastentry && (amd64 || arm64)

package wrap

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/sys"
	"ucspitls/internal/words"
)

//lint:file-ignore U1000 the assembly uses these

var (
	// noG stands for a g: of one, Go code looks only at the bound of its stack,
	// at offset 16. 0 is below every stack.
	noG [8]uintptr

	// Through these the assembly calls what the compiler made, which is not
	// otherwise within its reach. A plain call would go through a wrapper that the
	// linker makes for the older calling convention, and that one gets g from
	// thread-local storage, which is not there.
	startFunc  = start
	childFunc  = child
	parentFunc = parent
)

// start does what comes before there is a child, with what is on the kernel's
// stack: argc, argv, NULL, envp, NULL. It gives the flags for clone(2), or 0 for a
// text, which main prints. Where the shared tunnel process takes the session it
// does not return.
func start(w *Program, sp uintptr) uintptr {
	m := &static
	argc := *(*int)(words.Pointer(sp))
	if argc < 1 || !m.plan(w, sp+sys.Pointer, argc, sp+uintptr(argc+2)*sys.Pointer) {
		return 0
	}
	m.prepare()
	if !w.Delayed {
		sys.Reap()
		if m.handOver(m.ioRead(), m.ioWrite(), m.ioCtl()) {
			m.goOn(0, 0)
		}
	}
	return flags(w)
}

// child is the life of the child. It does not return.
func child() {
	m := &static
	e := m.place()
	if m.of().Delayed {
		if e != 0 {
			m.failSystem("place a descriptor", e)
		}
		m.rename()
		m.wait()
	}
	if e == 0 {
		e = m.execIO(0)
	}
	m.failed = e // the parent's memory
	sys.Exit(diag.NotFound)
}

// parent goes on as prog once the child with that pid is there, or its error. It
// returns only where another attempt is worth while, with the flags for clone(2).
func parent(pid int) uintptr {
	m := &static
	e := syscall.Errno(0)
	if pid < 0 {
		e, pid = syscall.Errno(-pid), 0
		if e == syscall.EAGAIN && sys.MoreProcesses() {
			return flags(m.of())
		}
	}
	m.goOn(pid, e)
	return 0
}

func flags(w *Program) uintptr {
	if w.Delayed {
		return uintptr(syscall.SIGCHLD)
	}
	// The child executes the -io at once: it borrows our memory until then.
	return uintptr(syscall.SIGCHLD) | cloneVM | cloneVFork
}

// place puts what the -io gets on 0 to 5. The process is a child that has its
// own descriptors.
func (m *memory) place() syscall.Errno {
	files := m.files()
	for i := range files {
		if files[i] < i { // it would be overwritten before its turn
			n, e := sys.Above(files[i], ctl+1)
			if e != 0 {
				return e
			}
			files[i] = n
		}
	}
	for i := range files {
		if e := sys.Move(files[i], i); e != 0 {
			return e
		}
	}
	return 0
}

// rename writes what the process waits for over its command line, for ps. The
// memory is the child's own, and nothing that it needs is there.
func (m *memory) rename() {
	var d words.Digits
	name, pid := m.of().Table.Program, d.Format(uint64(m.pid))
	for i := 0; i < m.argvSize; i++ {
		c := byte(0)
		if at := i; i+1 >= m.argvSize {
		} else if at < len(name) {
			c = name[at]
		} else if at -= len(name); at < len(WaitingFor) {
			c = WaitingFor[at]
		} else if at -= len(WaitingFor) + 1; at >= 0 && at < len(pid) {
			c = pid[at]
		}
		*(*byte)(unsafe.Add(words.Pointer(m.argv), i)) = c
	}
}

const (
	cloneVM    = 0x100
	cloneVFork = 0x4000
)

// run is for a program that was not linked as its tag says.
func (w *Program) run([]string) error {
	if static.program == 0 {
		return diag.Fail(diag.Bug, "built with the tag fastentry, but not linked with -E ucspitls_fast")
	}
	return nil
}
