package wrap

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/line"
	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// memory is all that a wrapper has. What of it is not touched costs nothing, so
// that what each start touches lies together. Pointers are kept as uintptr: the
// store of a pointer has a write barrier, which is the runtime's. What they point
// to is static, of the system, or what the kernel passed.
type memory struct {
	option.Values
	program uintptr
	channels

	pid    int           // of the wrapper, later prog
	child  int           // of the waiting process or the -io
	failed syscall.Errno // why the -io could not be started
	closed [3]bool       // which of 0, 1, 2 were, when it was started
	link   int           // the connection to it once it has the session, or 0

	argv     uintptr // its words lie one behind the other
	argvSize int

	ioArgv [24]uintptr // path, "-d", "5", options, "--", "3", "4", NULL
	ioArgc int

	environment
	text buffer // the -io's path, what argv and the environment have of our own
	line line.Line
	blob [ucspi.MaxBlob]byte
}

var static memory

func (m *memory) of() *Program { return (*Program)(words.Pointer(m.program)) }

// plan works out what is to be done, with nothing done yet. It is false if that is
// a text, which main prints. words are the command line, with a word for the
// program's name; envp is a vector that ends in NULL.
func (m *memory) plan(w *Program, argv uintptr, argc int, envp uintptr) bool {
	m.program = uintptr(unsafe.Pointer(w))
	m.Words.V, m.Words.N = argv, argc
	if p := m.Parse(w.Table); p.Kind != option.Nothing {
		m.wrongUsage(&p)
	}
	if m.Is(option.Show) || argc-m.Operands < w.Table.Min {
		return false
	}
	m.argv = m.Words.Pointer(0)
	m.argvSize = int(m.Words.Pointer(argc-1)-m.argv) + len(m.Words.At(argc-1)) + 1
	m.arguments()
	if m.text.full {
		m.failErrno(diag.System, "unable to pass on the options", "", syscall.E2BIG)
	}
	m.readEnviron(envp)
	m.ioEnviron()
	return true
}

// arguments is the -io's command line.
func (m *memory) arguments() {
	m.arg(m.sibling())
	m.arg(words.C("-d\x00"))
	m.arg(words.C("5\x00"))
	for i := range option.ForIO {
		p := &option.ForIO[i]
		if !m.Passes(p, m.of().Side.passes) {
			continue
		}
		var room words.Digits
		argument, apart := m.Argument(p, &room)
		mark := m.text.mark()
		m.text.add(p.Word)
		if apart {
			m.arg(m.text.end(mark))
			mark = m.text.mark()
		}
		m.text.add(argument)
		m.arg(m.text.end(mark))
	}
	m.arg(words.C("--\x00"))
	m.arg(words.C("3\x00"))
	m.arg(words.C("4\x00"))
}

func (m *memory) arg(c uintptr) {
	m.ioArgv[m.ioArgc] = c
	m.ioArgc++
}

// sibling finds the path of the -io, as Sibling does.
func (m *memory) sibling() uintptr {
	mark := m.text.mark()
	if bindir != "" {
		m.text.add(bindir)
		m.text.add("/")
	} else {
		m.text.n += sys.Executable(m.text.b[mark : mark+maxPath])
		for m.text.n > mark && m.text.b[m.text.n-1] != '/' {
			m.text.n--
		}
	}
	m.text.add(m.of().Side.IO)
	return m.text.end(mark)
}

// maxPath is the longest path of a program of ours (PATH_MAX).
const maxPath = 4096

// A buffer collects strings, each with a NUL behind it. The longest are words of the
// largest size that an execve takes.
type buffer struct {
	n    int
	full bool // something was cut
	b    [512 << 10]byte
}

func (b *buffer) mark() int { return b.n }

// fits reports whether there is room for n bytes, and for NULs behind them.
func (b *buffer) fits(n int) bool { return b.n+n+1024 <= len(b.b) }

func (b *buffer) add(s string) {
	if !b.fits(len(s)) {
		b.full = true
		return
	}
	for i := 0; i < len(s); i++ {
		b.b[b.n] = s[i]
		b.n++
	}
}

func (b *buffer) number(n int) {
	var d words.Digits
	b.add(d.Format(uint64(n)))
}

// end ends what was added since mark, and gives its address.
func (b *buffer) end(mark int) uintptr {
	b.b[b.n] = 0
	b.n++
	return uintptr(unsafe.Pointer(&b.b[mark]))
}
