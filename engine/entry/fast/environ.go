//go:build linux && (amd64 || arm64)

package fast

import (
	"unsafe"

	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
)

const maxItems = 1024 // of an environment; longer ones are for main

// An item is a NAME=value of the environment.
type item struct {
	at   uintptr
	name int32 // length of the name, which is all of an item without "="
	hash uint32
}

// environ reads the environment at envp and makes the -io's of it, which is
// what ucspi.IOEnviron makes of os.Environ.
func (p *plan) environ(envp unsafe.Pointer, delayed bool) bool {
	for i := 0; at(envp, i) != nil; i++ {
		if !p.item(at(envp, i)) {
			return false
		}
	}
	for i := range p.items[:p.count] {
		if it := &p.items[i]; !ucspi.IsRuntime(it.text()) && !ucspi.IsChannel(it.text()) {
			p.env(it.at)
		}
	}
	p.env(word("GOMAXPROCS=1\x00"))
	p.env(word("GOTRACEBACK=none\x00"))
	if delayed {
		p.env(word(ucspi.AfterCommand + "\x00"))
	}
	p.env(0)
	p.progEnv = p.envs
	return true
}

// progEnviron makes prog's, as ucspi.ProgEnviron does: what is left of ours.
func (p *plan) progEnviron() {
	keep := p.Is(option.Keep)
	for i := range p.items[:p.count] {
		it := &p.items[i]
		if name := it.text(); !ucspi.IsIdentity(name) && (keep || !ucspi.IsConfiguration(name)) && !ucspi.IsChannel(name) {
			p.env(it.at)
		}
	}
}

// lookup is ucspi.Lookup: the value of name, or "".
func (p *plan) lookup(name string) string {
	h := hashOf(name)
	for i := range p.items[:p.count] {
		if it := &p.items[i]; it.hash == h && it.has('=') && it.text() == name {
			return it.value()
		}
	}
	return ""
}

func hashOf(name string) uint32 {
	h := uint32(0)
	for i := 0; i < len(name); i++ {
		h = hash(h, name[i])
	}
	return h
}

func hash(h uint32, c byte) uint32 { return h*31 + uint32(c) }

// item keeps the item at c unless its name was there before; the first counts,
// as in package syscall. It is false where main has to do the work.
func (p *plan) item(c unsafe.Pointer) bool {
	it := item{at: uintptr(c), name: -1}
	n := int32(0)
	for ; ; n++ {
		b := *(*byte)(unsafe.Add(c, n))
		if b == 0 {
			break
		}
		if b == '=' && it.name < 0 {
			it.name = n
		} else if it.name < 0 {
			it.hash = hash(it.hash, b)
		}
	}
	switch {
	case n == 0:
		return true
	case it.name < 0:
		it.name = n
	default:
		for i := range p.items[:p.count] {
			if old := &p.items[i]; old.hash == it.hash && old.name == it.name && old.has('=') && old.text() == view(c, int(it.name)) {
				return true
			}
		}
	}
	if p.count == len(p.items) {
		return false
	}
	p.items[p.count] = it
	p.count++
	return true
}

// text is the name.
func (it *item) text() string { return view(it.from(0), int(it.name)) }

// has tells whether c follows the name.
func (it *item) has(c byte) bool { return *(*byte)(it.from(int(it.name))) == c }

// value is what follows the "=", if there is one.
func (it *item) value() string {
	if !it.has('=') {
		return ""
	}
	return text(it.from(int(it.name) + 1))
}

func (it *item) from(n int) unsafe.Pointer {
	return unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&it.at)), n)
}

func (p *plan) env(c uintptr) {
	p.envp[p.envs] = c
	p.envs++
}
