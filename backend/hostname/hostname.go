// Package hostname is the rule of what a host name may look like, for every
// place that takes one: from the network, from the DNS, from a file or a command
// line. It imports nothing, so that programs that link no TLS may use it, and
// the rule allocates nothing: code that runs without the Go runtime has it too.
//
// A host name is 1 to 253 bytes of labels with dots between them, and no dot
// behind the last (RFC 1123, 2.1). A label is 1 to 63 ASCII letters, digits and
// hyphens, with no hyphen at its ends: no name can be taken for an option. The
// last label is not all digits: no name can be taken for an address, nor a
// mistyped address for a name.
package hostname

// Lower makes ASCII letters small, as names compare in the DNS. It leaves others
// alone: strings.ToLower makes a k of the Kelvin sign.
func Lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// Valid reports whether name is a host name.
func Valid(name string) bool { return valid(name, false) }

// InUse reports whether name is a host name, where an underscore counts as a
// letter: that is what administrators give to hosts all the same.
func InUse(name string) bool { return valid(name, true) }

func valid(name string, underscore bool) bool {
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	start, digits := 0, true // of the label that i is in
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '.' {
			if !bounds(name, start, i) {
				return false
			}
			start, digits = i+1, true
			continue
		}
		if '0' <= c && c <= '9' {
			continue
		}
		digits = false
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && c != '-' && !(underscore && c == '_') {
			return false
		}
	}
	return bounds(name, start, len(name)) && !digits
}

// bounds checks a label's length and its ends.
func bounds(name string, start, end int) bool {
	n := end - start
	return n >= 1 && n <= 63 && name[start] != '-' && name[end-1] != '-'
}
