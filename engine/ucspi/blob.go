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

// ParseBlob splits a blob that was read to its end. ok is false when it is
// cut short, has bytes behind its end, or an item that is not NAME=value.
func ParseBlob(b []byte) (items []string, ok bool) {
	rest := string(b)
	for {
		item, more, found := strings.Cut(rest, "\x00")
		switch {
		case !found:
			return nil, false
		case item == "":
			return items, more == ""
		case strings.IndexByte(item, '=') < 1:
			return nil, false
		}
		items = append(items, item)
		rest = more
	}
}
