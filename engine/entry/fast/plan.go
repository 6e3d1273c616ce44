//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/wrap"
)

// A plan is what is to be done, worked out with nothing done yet. Pointers are
// kept as uintptr: the store of a pointer has a write barrier, which is the
// runtime's. What they point to is static or what the kernel passed.
//
// It begins with what each start touches; of the rest only a few pages are.
type plan struct {
	option.Values
	prog     uintptr // its argv, the rest of our own
	first    uintptr // the words of our own argv, which lie one behind the other
	wordsLen uintptr

	ioArgv [24]uintptr // path, "-d", "5", options, "--", "3", "4", NULL
	ioArgc int

	count   int
	envs    int
	progEnv int // the -io's environment is envp[:progEnv], NULL at its end
	items   [maxItems]item
	envp    [2*maxItems + 8 + len(ucspi.Information)]uintptr

	path    buffer // of the -io
	numbers buffer // what argv and the environment have of numbers
	name    buffer // "-k" and the server's name
}

// make works out the plan for w from the stack that the kernel made: argc,
// argv, NULL, envp, NULL. False means that main is to do it: wrong or unusual
// usage, or more than there is room for. It has no effect but on p.
func (p *plan) make(w *wrap.Program, sp unsafe.Pointer) bool {
	argc := *(*int)(sp)
	argv := unsafe.Add(sp, 8)
	if argc < 1 || hasPrefix(text(at(argv, 0)), w.Table.Program) && text(at(argv, 0))[len(w.Table.Program):] == wrap.WaitingFor {
		return false
	}
	if !p.options(w.Table, argv, argc) || !p.sibling(w.Side.IO) {
		return false
	}
	p.prog = uintptr(unsafe.Add(argv, p.Operands*8))
	last := at(argv, argc-1)
	p.first = uintptr(at(argv, 0))
	p.wordsLen = uintptr(last) + uintptr(len(text(last))) + 1 - p.first
	p.arguments(w.Side.Server)
	if p.numbers.full {
		return false
	}
	return p.environ(unsafe.Add(argv, (argc+1)*8), w.Delayed)
}

// sibling finds the path of the -io, as wrap.Sibling does.
func (p *plan) sibling(io string) bool {
	if dir := wrap.Bindir(); dir != "" {
		p.path.add(dir)
		p.path.byte('/')
	} else {
		n, e := call4(syscall.SYS_READLINKAT, atCWD, word("/proc/self/exe\x00"), p.path.from(0), uintptr(len(p.path.b)))
		if e != 0 || n >= uintptr(len(p.path.b)) {
			return false
		}
		exe := view(unsafe.Pointer(&p.path.b), int(n))
		for i := 0; i < len(exe); i++ {
			if exe[i] == '/' {
				p.path.n = i + 1
			}
		}
		if p.path.n == 0 {
			return false
		}
	}
	p.path.add(io)
	p.path.byte(0)
	return !p.path.full
}
