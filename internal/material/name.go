package material

import (
	"net/netip"
	"strings"

	"ucspitls/backend/hostname"
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
	return name, hostname.InUse(name)
}
