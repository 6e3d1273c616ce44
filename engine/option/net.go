package option

import "ucspitls/engine/diag"

// Net is what s6-tlsserver and s6-tlsclient are told about sockets and
// look-ups. Addresses stay words here: the wrappers link this package too.
type Net struct {
	// The server.
	maxConns, maxEach    uint32 // 0: not given
	Backlog              int    // valid if HasBacklog; otherwise the kernel's maximum
	HasBacklog           bool
	Notify               bool // print the port once listening
	Proxy                bool // a PROXY header comes first
	Delayed              bool // prog decides when TLS starts
	CountTunnels         bool // a connection counts until its tunnel has ended
	RulesDir, RulesFile  string
	HasRulesDir, HasFile bool
	Banner               string
	Strict, Paranoid     bool

	// Both.
	NoDNS, Hosts, Ident bool
	NoDelay             bool // TCP_NODELAY
	LocalName           string
	HasLocalName        bool
	Timeout             uint32 // the server's are milliseconds, the client's seconds; 0: none

	// The client.
	IPv4, IPv6    bool
	NoQualify     bool
	LocalIP       string
	LocalPort     uint16
	first, second uint32
	hasTimeouts   bool
}

const defaultConns = 40 // of -c and -C

// MaxConns is how many connections there may be at a time.
func (n *Net) MaxConns() int {
	if n.maxConns == 0 {
		return defaultConns
	}
	return int(n.maxConns)
}

// MaxEach is how many of them may come from one address.
func (n *Net) MaxEach() int {
	if n.maxEach == 0 {
		return min(defaultConns, n.MaxConns())
	}
	return min(int(n.maxEach), n.MaxConns())
}

// Rules tells whether access rules are to be checked.
func (n *Net) Rules() bool { return n.HasRulesDir || n.HasFile }

// Timeouts are the seconds for a connection attempt in the first and in the
// second round; 0 seconds in the second: there is none.
func (n *Net) Timeouts() (first, second uint32) {
	if n.hasTimeouts {
		return n.first, n.second
	}
	return 2, 58
}

// Options that s6-tlsserver and s6-tlsclient share.

var loudness = []Option{
	{'q', "quiet", "", "print errors only",
		func(s *Settings, _ string) error { s.Verbosity = diag.Quiet; return nil }},
	{'Q', "normally-verbose", "", "print errors and warnings (default)",
		func(s *Settings, _ string) error { s.Verbosity = diag.Normal; return nil }},
	{'v', "verbose", "", "print what happens",
		func(s *Settings, _ string) error { s.Verbosity = diag.Verbose; return nil }},
}

var nagle = []Option{
	{'D', "no-nagle", "", "send small packets at once (TCP_NODELAY)",
		func(s *Settings, _ string) error { s.Net.NoDelay = true; return nil }},
	{'d', "nagle", "", "let the system collect small packets (default)",
		func(s *Settings, _ string) error { s.Net.NoDelay = false; return nil }},
}

var noDNS = []Option{
	{'H', "no-dns", "", "look nothing up in the DNS or the hosts file",
		func(s *Settings, _ string) error { s.Net.NoDNS = true; return nil }},
	{0, "dns", "", "look names up (default)",
		func(s *Settings, _ string) error { s.Net.NoDNS = false; return nil }},
}

var hosts = []Option{
	{'h', "hosts", "", "ask the hosts file before the DNS",
		func(s *Settings, _ string) error { s.Net.Hosts = true; return nil }},
	{0, "no-hosts", "", "ask the DNS only (default)",
		func(s *Settings, _ string) error { s.Net.Hosts = false; return nil }},
}

var ident = []Option{
	{'R', "no-ident", "", "send no IDENT query (default)",
		func(s *Settings, _ string) error { s.Net.Ident = false; return nil }},
	{'r', "ident", "", "ask the peer's IDENT server for TCPREMOTEINFO",
		func(s *Settings, _ string) error { s.Net.Ident = true; return nil }},
}

var localName = []Option{
	{'l', "local-name", "localname", "value of TCPLOCALHOST, which is then not looked up",
		func(s *Settings, v string) error { s.Net.LocalName, s.Net.HasLocalName = v, true; return nil }},
}

// limit is a number of which 0 counts as 1.
func limit(to *uint32, name, value string) error {
	err := number(to, name, value)
	*to = min(max(*to, 1), maxLimit)
	return err
}

// maxLimit keeps a number of processes within an int and within reason.
const maxLimit = 1 << 20
