package material

import (
	"net/netip"
	"strings"
)

// cleanServerName gives the name that a client sends and verifies: a host
// name without its trailing dot, or an IP address in its shortest form, which
// is IPv4 where it can be. A zone (fe80::1%eth0) is refused, for no
// certificate can have one.
func cleanServerName(name string) (string, bool) {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().String(), addr.Zone() == ""
	}
	name = strings.TrimSuffix(name, ".")
	return name, isHostName(name)
}

// isHostName tells whether name is made of host labels, and the last one is
// not all digits: that would be an address with a mistake in it.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return false
		}
		last = label
	}
	return strings.Trim(last, "0123456789") != ""
}

// isLabel tells whether label is one of a host name (RFC 1123, 2.1). The
// underscore is no part of those, but of names in use.
func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		switch c := label[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
