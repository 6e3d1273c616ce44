package dial

import (
	"net/netip"
	"os"
	"syscall"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/resolve/socket"
)

// connect tries each address for a short time, then each again for a long one
// (-T x+y). A single address gets both times at once.
func connect(p *diag.Printer, o *option.Values, t *target, local netip.AddrPort, port uint16, deadline time.Time) (*os.File, error) {
	addrs := t.addrs
	if ip := local.Addr(); ip.IsValid() {
		if addrs = sameFamily(addrs, ip); len(addrs) == 0 {
			return nil, diag.Fail(diag.Usage, "no IP address for ", t.host, " of the family of local-ip")
		}
	}
	first, second := o.ConnTimeouts()
	rounds := []uint32{first, second}
	if len(addrs) == 1 {
		rounds = []uint32{first + min(second, ^first)}
	} else if second == 0 {
		rounds = rounds[:1]
	}
	for i, seconds := range rounds {
		for _, ip := range addrs {
			limit := time.Now().Add(time.Duration(seconds) * time.Second)
			if !deadline.IsZero() && deadline.Before(limit) {
				limit = deadline
			}
			f, err := attempt(ip, port, local, limit)
			if err == nil {
				return f, nil
			}
			if _, ours := err.(*diag.Error); ours {
				return nil, err
			}
			if i == len(rounds)-1 {
				p.Warning("unable to connect to ", ip.String(), " port ", diag.Int(int(port)), ": ", diag.Cause(err))
			}
		}
	}
	return nil, diag.Fail(diag.System, "unable to connect to a suitable IP address")
}

// attempt connects once. An error of the local end is a *diag.Error: it would
// be the same with every address.
func attempt(ip netip.Addr, port uint16, local netip.AddrPort, limit time.Time) (*os.File, error) {
	switch {
	case local.Addr().IsValid():
	case local.Port() != 0 && ip.Is4():
		local = netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
	case local.Port() != 0:
		local = netip.AddrPortFrom(netip.IPv6Unspecified(), local.Port())
	}
	if !time.Now().Before(limit) {
		return nil, syscall.ETIMEDOUT
	}
	f, err := socket.Connect(syscall.SOCK_STREAM, local, netip.AddrPortFrom(ip, port), limit)
	if bind, ok := err.(*socket.BindError); ok {
		return nil, diag.FailSys("bind the local end", bind)
	}
	return f, err
}

func sameFamily(addrs []netip.Addr, as netip.Addr) (kept []netip.Addr) {
	for _, ip := range addrs {
		if ip.Is4() == as.Is4() {
			kept = append(kept, ip)
		}
	}
	return kept
}
