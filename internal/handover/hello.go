package handover

import (
	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// A Hello is the first message, or a configuration as it stands in one. It is
// made in place, and can be made before the Go runtime runs; of one that is too
// long the rest is not there.
type Hello struct {
	n int
	b [MaxMessage + 1]byte
	// order is the items of the configuration by their names. There is no room for
	// more in a message.
	order [MaxMessage / len("CADIR=\x00x")]int32
}

// Bytes is what was made.
func (h *Hello) Bytes() []byte { return h.b[:h.n] }

// TooLong reports whether it does not fit into a message.
func (h *Hello) TooLong() bool { return h.n > MaxMessage }

func (h *Hello) add(s string) {
	for i := 0; i < len(s) && h.n < len(h.b); i++ {
		h.b[h.n] = s[i]
		h.n++
	}
}

// number adds NAME=n, but for 0.
func (h *Hello) number(name string, n uint64) {
	if n != 0 {
		var d words.Digits
		h.item(name, d.Format(n))
	}
}

// item adds NAME=value, if there is a value.
func (h *Hello) item(name, value string) {
	if value != "" {
		h.add(name)
		h.add("=")
		h.add(value)
		h.add("\x00")
	}
}

// Begin begins the message with the session of the program with that pid, as its
// command line and its environment want it.
func (h *Hello) Begin(v *option.Values, env *words.List, pid uint64, delayed bool) {
	h.b[0], h.b[1], h.n = KindHello, Version, 2
	h.number("id", pid)
	h.item("remote", lookup(env, "TCPREMOTEIP"))
	h.number("-v", uint64(v.Number(option.Verbosity)))
	h.number("-S", uint64(v.Number(option.CloseNotify)))
	h.number("-J", uint64(v.Number(option.Enforce)))
	h.number("-K", uint64(v.Number(option.Timeout)))
	h.item("idle", lookup(env, ucspi.IdleTimeout))
	h.item("linger", lookup(env, ucspi.Linger))
	if delayed {
		h.number("delayed", 1)
	}
	h.add("\x00")
}

// A Place is where a path leads to: the numbers of its device and its inode.
type Place struct {
	Known         bool
	Device, Inode uint64
}

func (h *Hello) place(name string, p Place) {
	h.add(name)
	h.add("=")
	if p.Known {
		var d words.Digits
		h.add(d.Format(p.Device))
		h.add(":")
		h.add(d.Format(p.Inode))
	} else {
		h.add("?") // a daemon's will differ, or be as lost
	}
	h.add("\x00")
}

// Configuration adds all that decides how a server's session is set up: the
// options -y, -Y and -k, and every variable that a server reads. It is sorted,
// so that two can be compared word by word. Values and not digests are
// compared: they are paths and a few words, and a difference can be named.
//
// Left out is what a session has. Paths mean the same only in the same root
// directory, and relative ones in the same working directory: "/" and "." stand
// for their inodes.
func (h *Hello) Configuration(v *option.Values, env *words.List, root, here Place) {
	n, relative := h.sort(env)
	// What is no variable comes before all letters.
	h.number("-k", uint64(v.SNI()))
	h.number("-y", uint64(v.Number(option.ClientCert)))
	if relative {
		h.place(".", here)
	}
	h.place("/", root)
	last := ""
	for i := range h.order[:n] {
		name, value, _ := words.Cut(env.At(int(h.order[i])), '=')
		// Of two with one name the first counts, as for getenv; an empty value is as
		// good as none.
		if name != last && value != "" {
			h.add(env.At(int(h.order[i])))
			h.add("\x00")
		}
		last = name
	}
	h.add("\x00")
}

// sort puts the n items of the configuration into h.order, and reports whether
// there is a relative path among them.
func (h *Hello) sort(env *words.List) (n int, relative bool) {
	for i := 0; i < env.N; i++ {
		name, value, _ := words.Cut(env.At(i), '=')
		v := ucspi.Find(name)
		if v == nil || !decides(v) {
			continue
		}
		relative = relative || v.Path && value != "" && value[0] != '/'
		if n == len(h.order) {
			h.n = len(h.b) // too long
			return 0, false
		}
		at := n
		for ; at > 0 && words.Less(name, h.name(env, at-1)); at-- {
			h.order[at] = h.order[at-1]
		}
		h.order[at] = int32(i)
		n++
	}
	return n, relative
}

func (h *Hello) name(env *words.List, i int) string {
	name, _, _ := words.Cut(env.At(int(h.order[i])), '=')
	return name
}

func lookup(env *words.List, name string) string {
	for i := 0; i < env.N; i++ {
		if n, value, ok := words.Cut(env.At(i), '='); ok && n == name {
			return value
		}
	}
	return ""
}

// decides reports whether a variable is part of the configuration.
func decides(v *ucspi.Variable) bool {
	return v.Name != ucspi.IdleTimeout && v.Name != ucspi.Linger && (v.Reader == "server" || v.Reader == "both")
}
