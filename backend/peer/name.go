package peer

import "strings"

// ServerName says whether a server name from the network may be exported, and
// gives it as it came. It is a DNS host name (RFC 1123, 2.1): labels of
// letters, digits and inner hyphens, 253 bytes at most, no trailing dot; the
// last label is not all digits, for then it would be an address.
func ServerName(name string) (string, bool) {
	if len(name) > 253 {
		return "", false
	}
	digits := false
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return "", false
		}
		digits = strings.Trim(label, "0123456789") == ""
	}
	if digits {
		return "", false
	}
	return name, true
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		switch c := label[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}
