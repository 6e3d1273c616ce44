package resolve

import (
	"net/netip"
	"os"
	"strings"

	"ucspitls/backend/hostname"
)

// hosts are the lines of hosts(5): an address and its names.
type hosts []hostLine

type hostLine struct {
	ip    netip.Addr
	names []string
}

func readHosts(path string) hosts {
	data, _ := os.ReadFile(path) // without one there are no names
	return parseHosts(string(data))
}

func parseHosts(text string) (h hosts) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if ip, err := netip.ParseAddr(words[0]); err == nil {
			h = append(h, hostLine{ip.Unmap(), words[1:]})
		}
	}
	return h
}

// addrs gives the addresses of a name, IPv6 first, each once.
func (h hosts) addrs(host string, family Family) []netip.Addr {
	host = strings.TrimSuffix(host, ".")
	var four, six []netip.Addr
	for _, line := range h {
		for _, name := range line.names {
			switch {
			case !strings.EqualFold(name, host):
			case line.ip.Is4() && family.IPv4:
				four = add(four, line.ip)
			case line.ip.Is6() && family.IPv6:
				six = add(six, line.ip)
			}
		}
	}
	return append(six, four...)
}

// name gives the first name of an address, or nothing.
func (h hosts) name(ip netip.Addr) string {
	for _, line := range h {
		if name := strings.TrimSuffix(line.names[0], "."); line.ip == ip.Unmap() && hostname.InUse(name) {
			return name
		}
	}
	return ""
}

func add(to []netip.Addr, ip netip.Addr) []netip.Addr {
	for _, have := range to {
		if have == ip {
			return to
		}
	}
	return append(to, ip)
}
