package dial

import (
	"net/netip"
	"strings"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/resolve"
)

// maxAddrs bounds how many addresses are tried.
const maxAddrs = 16

// A target is where to connect to: addresses, and the name that stands for
// them, if it was a name.
type target struct {
	host  string
	addrs []netip.Addr
	name  string
}

// find gives the addresses of host: "" and "0" are this machine, a list of
// addresses is itself, everything else is looked up.
func find(o *option.Values, host string, deadline time.Time) (*target, error) {
	t := &target{host: host}
	either := resolve.Family{IPv4: o.Is(option.IPv4) || !o.Is(option.IPv6), IPv6: o.Is(option.IPv6) || !o.Is(option.IPv4)}
	list, literal := addrList(host)
	switch {
	case host == "" || host == "0":
		t.addrs = resolve.Loopback(either)
	case literal:
		t.addrs = only(list, either)
	case o.Is(option.NoDNS):
		return nil, diag.Fail(diag.Usage, "with -H, host must be a list of IP addresses: ", host)
	default:
		// Without -4 and -6 a name has IPv4 addresses only.
		family := resolve.Family{IPv4: either.IPv4, IPv6: o.Is(option.IPv6)}
		addrs, err := resolve.New(o.Is(option.Hosts)).Addrs(host, family, !o.Is(option.NoQualify), deadline)
		if err != nil {
			return nil, diag.Fail(diag.System, "unable to resolve ", host, ": ", err.Error())
		}
		t.addrs, t.name = addrs, serverName(host)
	}
	if len(t.addrs) == 0 {
		return nil, diag.Fail(diag.Usage, "no IP address for ", host)
	}
	t.addrs = t.addrs[:min(len(t.addrs), maxAddrs)]
	return t, nil
}

// addrList reads addresses with commas, semicolons or spaces between them.
func addrList(host string) (list []netip.Addr, ok bool) {
	for _, word := range strings.FieldsFunc(host, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		ip, err := netip.ParseAddr(word)
		if err != nil {
			return nil, false
		}
		list = append(list, ip.Unmap())
	}
	return list, len(list) > 0
}

func only(list []netip.Addr, family resolve.Family) (kept []netip.Addr) {
	for _, ip := range list {
		if ip.Is4() && family.IPv4 || ip.Is6() && family.IPv6 {
			kept = append(kept, ip)
		}
	}
	return kept
}
