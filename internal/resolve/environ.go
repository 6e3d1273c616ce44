package resolve

import (
	"net/netip"
	"slices"
	"strconv"
)

// Environ gives the variables of a connection for prog: environ without all
// that another tool may have said of another connection, then what is known.
func (f *Facts) Environ(environ []string) []string {
	out := Without(environ, "TCPREMOTEHOST", "TCPLOCALHOST", "TCPREMOTEINFO")
	for _, v := range [][2]string{{"TCPREMOTEHOST", f.RemoteHost}, {"TCPLOCALHOST", f.LocalHost}, {"TCPREMOTEINFO", f.RemoteInfo}} {
		if v[1] != "" {
			out = append(out, v[0]+"="+v[1])
		}
	}
	return out
}

// Variables are all names under which a UCSPI tool describes a connection.
var Variables = []string{
	"PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT",
	"TCPCONNNUM", "TCPREMOTEHOST", "TCPLOCALHOST", "TCPREMOTEINFO",
}

// Without gives a copy of environ without the named variables.
func Without(environ []string, names ...string) []string {
	out := make([]string, 0, len(environ)+len(Variables))
	for _, item := range environ {
		if !slices.ContainsFunc(names, func(name string) bool {
			return len(item) > len(name) && item[len(name)] == '=' && item[:len(name)] == name
		}) {
			out = append(out, item)
		}
	}
	return out
}

// Ends gives the variables that describe both ends of a connection.
func Ends(local, remote netip.AddrPort) []string {
	return []string{
		"PROTO=TCP",
		"TCPREMOTEIP=" + remote.Addr().WithZone("").String(),
		"TCPREMOTEPORT=" + port(remote),
		"TCPLOCALIP=" + local.Addr().WithZone("").String(),
		"TCPLOCALPORT=" + port(local),
	}
}

func port(a netip.AddrPort) string { return strconv.Itoa(int(a.Port())) }
