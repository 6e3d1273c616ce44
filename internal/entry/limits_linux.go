package entry

import (
	"syscall"
	"unsafe"
)

// Where a limit leaves the runtime no thread, memory or descriptor it says so
// piece by piece, prints a trace and exits 2. What it writes goes through here,
// so that the first piece becomes a line and 111. All else is written as it is:
// the traces of bugs are wanted.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite = runtimeWrite

// The words of the runtime that tell of a limit. Those of throw come behind
// "fatal error: ", in a piece of their own.
var shortages = [...]struct{ says, line string }{
	{"runtime: failed to create new OS thread", noThread},
	{"runtime: out of memory", noMemory},
	{"runtime: cannot allocate memory", noMemory},
	{"runtime: mmap: too much locked memory", noMemory},
	{"out of memory", noMemory},
	{"pageAlloc: out of memory", noMemory},
	{"failed to reserve page summary memory", noMemory},
	{"failed to allocate aligned heap memory", noMemory},
	{"runtime: epollcreate failed with", noDescriptor},
	{"runtime: eventfd failed with", noDescriptor},
	{"runtime: standard file descriptor ", noDescriptor},
}

const (
	thrown = "fatal error: "
	// In a program with cgo the runtime starts on the process's own stack. Where
	// that is of a usual size this is a bug, and stays one.
	onTheStack = "runtime: morestack on g0, stack ["
	usualStack = 1 << 20

	noThread     = ": fatal: unable to start a thread: resource temporarily unavailable\n"
	noMemory     = ": fatal: unable to allocate memory: cannot allocate memory\n"
	noStack      = ": fatal: unable to run on so small a stack: cannot allocate memory\n"
	noDescriptor = ": fatal: unable to open a descriptor: too many open files\n"

	systemFailed = 111 // diag.System
	commLen      = 16  // TASK_COMM_LEN
)

var (
	threw   bool      // thrown came, and is not written yet
	said    [160]byte // the line
	program [commLen]byte
	stack   syscall.Rlimit
)

// A program without the assembly takes its name before a sandbox can forbid it.
func init() {
	if argv0() == nil {
		getName()
	}
}

//go:nosplit
func getName() {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_NAME, uintptr(unsafe.Pointer(&program)), 0)
}

// runtimeWrite runs anywhere: in a signal handler, or before the runtime has
// started.
//
//go:nosplit
//go:norace
func runtimeWrite(fd uintptr, p unsafe.Pointer, n int32) int32 {
	if fd == 2 {
		if !threw && n == int32(len(thrown)) && isPrefix(p, n, thrown) {
			threw = true
			return n
		}
		for i := range shortages {
			if isPrefix(p, n, shortages[i].says) {
				endFor(shortages[i].line)
			}
		}
		if isPrefix(p, n, onTheStack) && isStackSmall() {
			endFor(noStack)
		}
		if threw {
			threw = false
			write(fd, unsafe.Pointer(unsafe.StringData(thrown)), len(thrown))
		}
	}
	return write(fd, p, int(n))
}

//go:nosplit
//go:norace
func isStackSmall() bool {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, syscall.RLIMIT_STACK, 0, uintptr(unsafe.Pointer(&stack)), 0, 0)
	return errno == 0 && stack.Cur < usualStack
}

// endFor writes the program's name and a line, and exits.
//
//go:nosplit
//go:norace
func endFor(line string) {
	n := 0
	name := argv0()
	if name == nil {
		if program[0] == 0 {
			getName()
		}
		name = &program[0]
	}
	for ; *name != 0 && n < len(said)-len(line); name = (*byte)(unsafe.Add(unsafe.Pointer(name), 1)) {
		if *name == '/' {
			n = 0
			continue
		}
		said[n] = *name
		n++
	}
	for i := 0; i < len(line) && n < len(said); i++ {
		said[n] = line[i]
		n++
	}
	write(2, unsafe.Pointer(&said), n)
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, systemFailed, 0, 0)
}

//go:nosplit
//go:norace
func isPrefix(p unsafe.Pointer, n int32, s string) bool {
	if int(n) < len(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if *(*byte)(unsafe.Add(p, i)) != s[i] {
			return false
		}
	}
	return true
}

//go:nosplit
//go:norace
func write(fd uintptr, p unsafe.Pointer, n int) int32 {
	written, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	if errno != 0 {
		return -int32(errno)
	}
	return int32(written)
}
