package option

import (
	"strings"

	"ucspitls/engine/diag"
)

var family = []Option{
	{'4', "ipv4", "", "connect to IPv4 addresses of host (default)",
		func(s *Settings, _ string) error { s.Net.IPv4 = true; return nil }},
	{'6', "ipv6", "", "connect to its IPv6 addresses; with -4 too they come first",
		func(s *Settings, _ string) error { s.Net.IPv6 = true; return nil }},
}

var qualify = []Option{
	{'n', "qualify", "", "complete host with the search domains (default)",
		func(s *Settings, _ string) error { s.Net.NoQualify = false; return nil }},
	{'N', "no-qualify", "", "take host as it is",
		func(s *Settings, _ string) error { s.Net.NoQualify = true; return nil }},
}

var wholeTimeout = []Option{
	{'t', "timeout", "timeout", "seconds that look-ups and connection may take in all",
		func(s *Settings, v string) error { return number(&s.Net.Timeout, "timeout", v) }},
}

var connTimeouts = []Option{
	{'T', "connection-timeouts", "timeoutconn", "x+y: seconds for each address in a first and a second round (default 2+58)",
		func(s *Settings, v string) error {
			x, y, two := strings.Cut(v, "+")
			first, ok := Number(x)
			second, ok2 := uint32(0), true
			if two {
				second, ok2 = Number(y)
			}
			if !ok || !ok2 {
				return diag.Fail(diag.Usage, "connection-timeouts must be x+y, in seconds")
			}
			s.Net.first, s.Net.second, s.Net.hasTimeouts = first, second, true
			return nil
		}},
}

var localIP = []Option{
	{'i', "local-ip", "localip", "connect from this address",
		func(s *Settings, v string) error { s.Net.LocalIP = v; return nil }},
}

var localPort = []Option{
	{'p', "local-port", "localport", "connect from this port",
		func(s *Settings, v string) error {
			n, ok := Number(v)
			if !ok || n > 65535 {
				return diag.Fail(diag.Usage, "local-port must be a port number")
			}
			s.Net.LocalPort = uint16(n)
			return nil
		}},
}

// TLSClient is s6-tlsclient: it connects.
var TLSClient = Table{"s6-tlsclient", [][]Option{
	loudness, family, nagle, ident, hosts, noDNS, qualify,
	wholeTimeout, localName, connTimeouts, localIP, localPort,
	closeNotify, enforce, sendCert, timeout, serverName, keep, verifyCert,
}, "host port prog...", 3}

// ClientWrapper is the command line, without the name, that s6-tlsc gets from
// s6-tlsclient.
func (s *Settings) ClientWrapper() []string {
	args := s.ClientIO()
	if s.Keep {
		args = append(args, "-Z")
	}
	return args
}
