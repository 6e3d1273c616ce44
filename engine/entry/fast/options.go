//go:build linux && (amd64 || arm64)

package fast

import (
	"unsafe"

	"ucspitls/engine/option"
	"ucspitls/engine/words"
)

// options reads the command line; false for whatever is no plain use.
func (p *plan) options(t *option.Table, argv unsafe.Pointer, argc int) bool {
	p.Words.V, p.Words.N = uintptr(argv), argc
	if problem := p.Parse(t); problem.Kind != option.Nothing || p.Is(option.Show) || argc-p.Operands < t.Min {
		return false
	}
	return !p.Has(option.DropUID) && !p.Has(option.DropGID) && !p.Has(option.DropGroups) && !p.Has(option.DropFromEnv)
}

// arguments is the -io's command line.
func (p *plan) arguments(server bool) {
	side := option.OfClient
	if server {
		side = option.OfServer
	}
	p.arg(p.path.from(0))
	p.arg(word("-d\x00"))
	p.arg(word("5\x00"))
	for i := range option.ForIO {
		o := &option.ForIO[i]
		if !p.Passes(o, side) {
			continue
		}
		var room words.Digits
		mark := p.numbers.n
		argument, apart := p.Argument(o, &room)
		p.numbers.add(o.Word)
		if apart {
			p.numbers.byte(0)
			p.arg(p.numbers.from(mark))
			mark = p.numbers.n
		}
		p.numbers.add(argument)
		p.numbers.byte(0)
		p.arg(p.numbers.from(mark))
	}
	p.arg(word("--\x00"))
	p.arg(word("3\x00"))
	p.arg(word("4\x00"))
}

func (p *plan) arg(c uintptr) {
	p.ioArgv[p.ioArgc] = c
	p.ioArgc++
}
