package option

import "ucspitls/internal/words"

// Rules reports whether s6-tlsserver is to check access rules.
func (v *Values) Rules() bool { return v.Has(RulesDir) || v.Has(RulesFile) }

// MaxConns is how many connections there may be at a time.
func (v *Values) MaxConns() int { return v.limit(MaxConns) }

// MaxEach is how many of them from one address.
func (v *Values) MaxEach() int { return min(v.limit(MaxEach), v.limit(MaxConns)) }

// Backlog is how many connections may wait.
func (v *Values) Backlog() int { return int(min(v.Number(Backlog), maxBacklog)) }

// ConnTimeouts are the seconds for an attempt of s6-tlsclient in the first and
// the second round; 0 in the second: there is none.
func (v *Values) ConnTimeouts() (first, second uint32) {
	if !v.Has(ConnTimeouts) {
		return 2, 58
	}
	x, y, _ := words.Cut(v.Text(ConnTimeouts), '+')
	first, _ = words.Number(x)
	second, _ = words.Number(y)
	return first, second
}

// limit is a number of which 0 counts as 1.
func (v *Values) limit(f Field) int { return int(min(max(v.Number(f), 1), maxLimit)) }

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

const (
	maxLimit   = 1 << 20   // keeps a number of processes within an int and within reason
	maxBacklog = 1<<31 - 1 // the kernel knows its maximum
)
