package wrap

import (
	"unsafe"

	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// environment is the one that the tool was started with, and those that are made
// of it: of the -io, and behind it prog's. Larger ones are not in fewItems.
type environment struct {
	items uintptr // to the first of count
	count int
	envp  uintptr // a vector: the -io's, NULL, prog's, NULL
	envs  int
	prog  int // where prog's begins

	heads    [256]int32 // of the chains of items, by the hash of their names
	fewItems [fewItems]item
	fewEnvp  [2*fewItems + own]uintptr
}

const (
	fewItems = 512
	own      = 16 + len(ucspi.Information) // what we add to both, and their NULLs
)

// An item is a NAME=value of the environment.
type item struct {
	at   uintptr
	name int32 // length of the name, which is all of an item without "="
	next int32 // number of the next item in its chain; 0: there is none
}

// readEnviron takes the items at envp. Of a name's items the first counts, as for
// getenv; empty ones are none.
func (m *memory) readEnviron(envp uintptr) {
	all := words.List{V: envp}
	for all.Pointer(all.N) != 0 {
		all.N++
	}
	m.items, m.envp = uintptr(unsafe.Pointer(&m.fewItems)), uintptr(unsafe.Pointer(&m.fewEnvp))
	if all.N > fewItems {
		size := uintptr(all.N) * unsafe.Sizeof(item{})
		m.items = m.pages(size + uintptr(2*all.N+own)*unsafe.Sizeof(m.envp))
		m.envp = m.items + size
	}
	for i := 0; i < all.N; i++ {
		m.take(all.Pointer(i))
	}
}

func (m *memory) take(c uintptr) {
	name, hash, n := int32(-1), uint8(0), int32(0)
	for ; ; n++ {
		b := *(*byte)(unsafe.Add(words.Pointer(c), n))
		if b == 0 {
			break
		}
		if b == '=' && name < 0 {
			name = n
		} else if name < 0 {
			hash = hash*31 + b
		}
	}
	if n == 0 {
		return
	}
	chain := &m.heads[hash]
	if name < 0 {
		name = n
	} else if m.find(words.View(words.Pointer(c), int(name)), hash) != nil {
		return
	}
	it := m.item(m.count)
	it.at, it.name = c, name
	m.count++
	if it.has('=') { // others have no value, and can stand there many times
		it.next, *chain = *chain, int32(m.count)
	}
}

func (m *memory) item(i int) *item {
	return (*item)(unsafe.Add(words.Pointer(m.items), uintptr(i)*unsafe.Sizeof(item{})))
}

func (m *memory) find(name string, hash uint8) *item {
	for n := m.heads[hash]; n != 0; {
		it := m.item(int(n) - 1)
		if it.text() == name {
			return it
		}
		n = it.next
	}
	return nil
}

// value is that of name, and whether it is set.
func (m *memory) value(name string) (value string, set bool) {
	hash := uint8(0)
	for i := 0; i < len(name); i++ {
		hash = hash*31 + name[i]
	}
	it := m.find(name, hash)
	if it == nil {
		return "", false
	}
	return words.Text(it.at + uintptr(it.name) + 1), true
}

// lookup is the value of name, or "".
func (m *memory) lookup(name string) string {
	value, _ := m.value(name)
	return value
}

// text is the name.
func (it *item) text() string { return words.View(words.Pointer(it.at), int(it.name)) }

// pages gives memory for what is larger than usual.
func (m *memory) pages(n uintptr) uintptr {
	p, e := sys.Pages(n)
	if e != 0 {
		m.failSystem("get memory", e)
	}
	return p
}

// has reports whether c follows the name.
func (it *item) has(c byte) bool {
	return *(*byte)(words.Pointer(it.at + uintptr(it.name))) == c
}

// ioEnviron makes the environment of an -io and of the waiting process.
func (m *memory) ioEnviron() {
	for i := 0; i < m.count; i++ {
		if it := m.item(i); ucspi.IsForIO(it.text()) && !m.isTaken(it.text()) {
			m.env(it.at)
		}
	}
	m.env(words.C(ucspi.OneThread + "\x00"))
	m.env(words.C(ucspi.NoTraces + "\x00"))
	if m.of().Delayed {
		m.env(words.C(ucspi.AfterCommand + "\x00"))
	}
	m.env(0)
	m.environment.prog = m.envs
}

// progEnviron makes prog's: without stale identity, without descriptors that are
// somebody else's and, but for -Z, without configuration. What we add comes behind it.
func (m *memory) progEnviron() {
	keep := m.Is(option.Keep)
	for i := 0; i < m.count; i++ {
		it := m.item(i)
		name := it.text()
		if ucspi.IsIdentity(name) || ucspi.IsChannel(name) || !keep && ucspi.IsConfiguration(name) || m.isTaken(name) {
			continue
		}
		m.env(it.at)
	}
}

// isTaken reports whether --envuidgid removes the variable name.
func (m *memory) isTaken(name string) bool {
	return m.Is(option.DropFromEnv) && (name == "UID" || name == "GID" || name == "GIDLIST")
}

func (m *memory) env(c uintptr) {
	*(*uintptr)(unsafe.Add(words.Pointer(m.envp), uintptr(m.envs)*unsafe.Sizeof(c))) = c
	m.envs++
}

// vector is what was made from entry n on.
func (m *memory) vector(n int) uintptr { return m.envp + uintptr(n)*unsafe.Sizeof(m.envp) }
