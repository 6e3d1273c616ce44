package resolve

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// A config is resolv.conf(5), as far as it is used here.
type config struct {
	servers  []netip.AddrPort
	search   []string // domains, with a final dot
	ndots    int
	timeout  time.Duration // for one answer of one server
	attempts int
}

// Bounds that other resolvers have too.
const (
	maxServers  = 3
	maxSearch   = 6
	maxNdots    = 15
	maxTimeout  = 30
	maxAttempts = 5
)

func readConfig(path string) config {
	data, _ := os.ReadFile(path) // without one the local name server is asked
	return parseConfig(string(data))
}

func parseConfig(text string) config {
	c := config{ndots: 1, timeout: 5 * time.Second, attempts: 2}
	port, _ := strconv.ParseUint(dnsPort, 10, 16)
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || line[0] == '#' || line[0] == ';' {
			continue
		}
		switch words[0] {
		case "nameserver":
			if ip, err := netip.ParseAddr(words[1]); err == nil && len(c.servers) < maxServers {
				c.servers = append(c.servers, netip.AddrPortFrom(ip, uint16(port)))
			}
		case "domain", "search":
			c.search = nil
			for _, domain := range words[1:] {
				if validName(domain) && len(c.search) < maxSearch {
					c.search = append(c.search, strings.TrimSuffix(domain, ".")+".")
				}
			}
		case "options":
			for _, option := range words[1:] {
				c.option(option)
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))}
	}
	return c
}

func (c *config) option(word string) {
	name, value, _ := strings.Cut(word, ":")
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return
	}
	switch name {
	case "ndots":
		c.ndots = min(int(n), maxNdots)
	case "timeout":
		c.timeout = time.Duration(min(max(n, 1), maxTimeout)) * time.Second
	case "attempts":
		c.attempts = int(min(max(n, 1), maxAttempts))
	}
}

// candidates are the full names to try for host, in order. A name with enough
// dots is tried as it is first, one with a final dot in no other way.
func (c *config) candidates(host string, qualify bool) []string {
	if strings.HasSuffix(host, ".") {
		return []string{host}
	}
	asIs := host + "."
	if !qualify {
		return []string{asIs}
	}
	var all []string
	for _, domain := range c.search {
		if name := asIs + domain; validName(name) {
			all = append(all, name)
		}
	}
	if strings.Count(host, ".") >= c.ndots {
		return append([]string{asIs}, all...)
	}
	return append(all, asIs)
}
