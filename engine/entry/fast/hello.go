//go:build linux && (amd64 || arm64)

package fast

import (
	"unsafe"

	"ucspitls/engine/handover"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/words"
	"ucspitls/engine/wrap"
)

// sayHello makes the first message to a shared tunnel process, as
// handover.AppendHello does of handover.NewSession and handover.Configuration.
// It is too long if there are more than MaxMessage bytes.
func (m *memory) sayHello(w *wrap.Program) {
	h := &m.hello
	h.b[0], h.b[1], h.n = handover.KindHello, handover.Version, 2
	h.item("id", uint64(m.pid))
	h.pair("remote", m.lookup("TCPREMOTEIP"))
	h.item("-v", uint64(m.Number(option.Verbosity)))
	h.item("-S", uint64(m.Number(option.CloseNotify)))
	h.item("-J", uint64(m.Number(option.Enforce)))
	h.item("-K", uint64(m.Number(option.Timeout)))
	h.pair("idle", m.lookup(ucspi.IdleTimeout))
	h.pair("linger", m.lookup(ucspi.Linger))
	if w.Delayed {
		h.item("delayed", 1)
	}
	h.raw("\x00")
	m.configuration(h)
	h.raw("\x00")
}

// A message to a shared tunnel process is built in static memory, which has room
// for a byte that shows that it is too long.
type message struct {
	n int
	b [handover.MaxMessage + 2]byte
}

func (h *message) raw(s string) {
	for i := 0; i < len(s) && h.n < len(h.b)-1; i++ {
		h.b[h.n] = s[i]
		h.n++
	}
}

func (h *message) number(n uint64) {
	var d words.Digits
	h.raw(d.Format(n))
}

// item adds NAME=n, but for 0.
func (h *message) item(name string, n uint64) {
	if n != 0 {
		var d words.Digits
		h.pair(name, d.Format(n))
	}
}

// pair adds NAME=value, if there is a value.
func (h *message) pair(name, value string) {
	if value != "" {
		h.raw(name)
		h.raw("=")
		h.raw(value)
		h.raw("\x00")
	}
}

// configuration adds what must be the daemon's own: first what is no variable,
// which comes before all letters, then the variables by their names.
func (m *memory) configuration(h *message) {
	n, relative := m.sort()
	h.item("-k", uint64(m.SNI()))
	h.item("-y", uint64(m.Number(option.ClientCert)))
	if relative {
		m.folder(h, ".", word(".\x00"))
	}
	m.folder(h, "/", word("/\x00"))
	for i := range m.order[:n] {
		it := m.sorted(i)
		switch {
		case i > 0 && m.sorted(i-1).text() == it.text(): // the first counts
		case it.value() == "": // as good as unset
		default:
			h.raw(text(it.from(0)))
			h.raw("\x00")
		}
	}
}

// folder adds where a path leads to: the numbers of its device and its inode.
func (m *memory) folder(h *message, name string, path uintptr) {
	h.raw(name)
	h.raw("=")
	st := &m.stat[0]
	if _, e := call4(sysFstatat, atCWD, path, uintptr(unsafe.Pointer(st)), 0); e != 0 {
		h.raw("?")
	} else {
		h.number(uint64(st.Dev))
		h.raw(":")
		h.number(st.Ino)
	}
	h.raw("\x00")
}

// sort puts the n items of the configuration into m.order, and tells whether
// there is a relative path among them.
func (m *memory) sort() (n int, relative bool) {
	for i := range m.items[:m.count] {
		it := &m.items[i]
		v := ucspi.Find(it.text())
		if v == nil || !handover.Decides(v) {
			continue
		}
		if value := it.value(); v.Path && value != "" && value[0] != '/' {
			relative = true
		}
		at := n
		for ; at > 0 && words.Less(it.text(), m.sorted(at-1).text()); at-- {
			m.order[at] = m.order[at-1]
		}
		m.order[at] = uint16(i)
		n++
	}
	return n, relative
}

func (m *memory) sorted(i int) *item { return &m.items[m.order[i]] }
