package ucspi

import "strings"

// The information blob, as it travels over the control socket or from an -io
// to its wrapper:
//
//	NAME=value\0  NAME=value\0 ... \0
//
// Only items with a value are sent, never bare names.

// A Pair is one item.
type Pair struct{ Name, Value string }

// MaxBlob bounds, in bytes, what a reader takes of a blob at all.
const MaxBlob = 1 << 20

// AppendBlob appends the encoding of pairs to b. A pair whose value is empty
// or holds a NUL is left out: it could not be told from something else.
func AppendBlob(b []byte, pairs []Pair) []byte {
	for _, p := range pairs {
		if p.Value == "" || strings.IndexByte(p.Value, 0) >= 0 {
			continue
		}
		b = append(b, p.Name...)
		b = append(b, '=')
		b = append(b, p.Value...)
		b = append(b, 0)
	}
	return append(b, 0)
}

// A Reader reads a blob that was received to its end. It believes nothing that
// is not in the table of [Information]: whoever has taken over the process
// that sent it would choose prog's environment otherwise, and with it what prog
// runs (PATH, LD_PRELOAD, BASH_ENV). It needs no memory of its own, and no Go
// runtime.
type Reader struct {
	Blob string
	next int
	seen uint32 // bit i: Information[i] was there
}

// Next gives the next item, NAME=value, or "" at the end. On a flaw the blob is
// to be thrown away as a whole; item is then as much of it as can be named.
func (r *Reader) Next() (item string, f Flaw) {
	start := r.next
	end := start
	for end < len(r.Blob) && r.Blob[end] != 0 {
		end++
	}
	item = r.Blob[start:end]
	r.next = end + 1
	switch {
	case end == len(r.Blob), item == "" && r.next != len(r.Blob):
		return "", Torn
	case item == "":
		return "", Sound
	}
	return item, r.admit(item)
}

// admit checks an item against the table.
func (r *Reader) admit(item string) Flaw {
	name := nameOf(item)
	for i := range Information {
		in := &Information[i]
		if in.Name != name || len(name) == len(item) {
			continue
		}
		value := item[len(name)+1:]
		switch {
		case r.seen&(1<<i) != 0:
			return Twice
		case len(item) > MaxItem:
			return TooLong
		case !in.Valid(value):
			return Malformed
		}
		r.seen |= 1 << i
		return Sound
	}
	return Foreign
}

func nameOf(item string) string {
	for i := 0; i < len(item); i++ {
		if item[i] == '=' {
			return item[:i]
		}
	}
	return item
}

// A Flaw is what is wrong with a blob.
type Flaw uint8

const (
	Sound     Flaw = iota
	Torn           // it is cut short, or has bytes behind its end
	Foreign        // a variable that is not the tunnel's to set
	Twice          // a variable for the second time
	Malformed      // a value that the variable can't have
	TooLong        // a value that does not fit into an environment
)

// Words say what is wrong, with the name of the item between them.
func (f Flaw) Words(item string) (before, name, after string) {
	name = nameOf(item)
	switch f {
	case Foreign:
		return "the TLS process sent a variable that it may not set: ", name, ""
	case Twice:
		return "the TLS process sent ", name, " twice"
	case Malformed:
		return "the TLS process sent a malformed ", name, ""
	case TooLong:
		return "", name, " of the peer is too long for the environment"
	}
	return "the TLS process ended while it sent its information", "", ""
}
