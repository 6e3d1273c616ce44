package option

import "ucspitls/internal/words"

// Net is what s6-tlsserver and s6-tlsclient are told about sockets and
// look-ups. Addresses stay words here: the wrappers link this package too.
type Net struct {
	// The server.
	MaxConns, MaxEach    int // how many connections at a time, and from one address
	Backlog              int
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
	First, Second uint32 // seconds for an attempt in the first and the second round; 0 in the second: there is none
}

// Rules reports whether access rules are to be checked.
func (n *Net) Rules() bool { return n.HasRulesDir || n.HasFile }

func (v *Values) net() Net {
	n := Net{
		MaxConns: v.limit(MaxConns, 40), Backlog: 1<<31 - 1, // the kernel knows its maximum
		Notify: v.Is(Announce), Proxy: v.Is(Proxy), Delayed: v.Is(Delayed), CountTunnels: v.Is(CountTunnels),
		RulesDir: v.Text(RulesDir), RulesFile: v.Text(RulesFile), HasRulesDir: v.Has(RulesDir), HasFile: v.Has(RulesFile),
		Banner: v.Text(Banner), Strict: v.Is(Strict), Paranoid: v.Is(Paranoid),
		NoDNS: v.Is(NoDNS), Hosts: v.Is(Hosts), Ident: v.Is(Ident), NoDelay: v.Is(NoDelay),
		LocalName: v.Text(LocalName), HasLocalName: v.Has(LocalName), Timeout: v.Number(NetTimeout),
		IPv4: v.Is(IPv4), IPv6: v.Is(IPv6), NoQualify: v.Is(NoQualify),
		LocalIP: v.Text(LocalIP), LocalPort: uint16(v.Number(LocalPort)), First: 2, Second: 58,
	}
	n.MaxEach = min(v.limit(MaxEach, 40), n.MaxConns)
	if v.Has(Backlog) {
		n.Backlog = int(min(v.Number(Backlog), 1<<31-1))
	}
	if v.Has(ConnTimeouts) {
		first, second, _ := words.Cut(v.Text(ConnTimeouts), '+')
		n.First, _ = words.Number(first)
		n.Second, _ = words.Number(second) // 0 if there is none
	}
	return n
}

// limit is a number of which 0 counts as 1.
func (v *Values) limit(f Field, usual int) int {
	if !v.Has(f) {
		return usual
	}
	return int(min(max(v.Number(f), 1), maxLimit))
}

// Options that s6-tlsserver and s6-tlsclient share.

var loudness = []Option{
	{'q', "quiet", "", "print errors only",
		Rule{Verbosity, 0}},
	{'Q', "normally-verbose", "", "print errors and warnings (default)",
		Rule{Verbosity, 1}},
	{'v', "verbose", "", "print what happens",
		Rule{Verbosity, 2}},
}

var nagle = []Option{
	{'D', "no-nagle", "", "send small packets at once (TCP_NODELAY)",
		Rule{NoDelay, 1}},
	{'d', "nagle", "", "let the system collect small packets (default)",
		Rule{NoDelay, 0}},
}

var noDNS = []Option{
	{'H', "no-dns", "", "look nothing up in the DNS or the hosts file",
		Rule{NoDNS, 1}},
	{0, "dns", "", "look names up (default)",
		Rule{NoDNS, 0}},
}

var hosts = []Option{
	{'h', "hosts", "", "ask the hosts file before the DNS",
		Rule{Hosts, 1}},
	{0, "no-hosts", "", "ask the DNS only (default)",
		Rule{Hosts, 0}},
}

var ident = []Option{
	{'R', "no-ident", "", "send no IDENT query (default)",
		Rule{Ident, 0}},
	{'r', "ident", "", "ask the peer's IDENT server for TCPREMOTEINFO",
		Rule{Ident, 1}},
}

var localName = []Option{
	{'l', "local-name", "localname", "value of TCPLOCALHOST, which is then not looked up",
		Rule{LocalName, Argument}},
}

// maxLimit keeps a number of processes within an int and within reason.
const maxLimit = 1 << 20
