package option

import "ucspitls/internal/diag"

var proxy = []Option{
	{'L', "proxy", "", "a PROXY protocol header comes before TLS",
		Rule{Proxy, 1}},
}

var notify = []Option{
	{'1', "notify", "", "print the port on stdout once listening",
		Rule{Announce, 1}},
}

var maxConns = []Option{
	{'c', "global-max-connections", "maxconn", "how many connections there may be at a time (default 40)",
		Rule{MaxConns, Argument}},
}

var maxEach = []Option{
	{'C', "local-max-connections", "localmaxconn", "how many of them from one address (default 40)",
		Rule{MaxEach, Argument}},
}

var backlog = []Option{
	{'b', "backlog", "backlog", "how many connections may wait (default: the kernel's maximum)",
		Rule{Backlog, Argument}},
}

var strict = []Option{
	{'W', "no-strict-resolution", "", "a look-up that fails does not matter (default)",
		Rule{Strict, 0}},
	{'w', "strict-resolution", "", "drop a connection for which a look-up fails",
		Rule{Strict, 1}},
}

var paranoid = []Option{
	{'P', "no-paranoid", "", "believe in the name that the DNS gives for an address (default)",
		Rule{Paranoid, 0}},
	{'p', "paranoid", "", "look up that name too: the address must be one of its addresses",
		Rule{Paranoid, 1}},
}

var banner = []Option{
	{'B', "banner", "banner", "text to send as soon as a connection is there",
		Rule{Banner, Argument}},
}

var lookupTimeout = []Option{
	{'t', "timeout", "timeout", "milliseconds that the look-ups may take in all",
		Rule{NetTimeout, Argument}},
}

var rules = []Option{
	{'i', "rules-directory", "rulesdir", "access rules for s6-tcpserver-access, a directory",
		Rule{RulesDir, Argument}},
	{'x', "rules-file", "rulesfile", "access rules for s6-tcpserver-access, a cdb file",
		Rule{RulesFile, Argument}},
}

var delayed = []Option{
	{0, "delayed", "", "run prog under s6-ucspitlsd: it decides when TLS starts",
		Rule{Delayed, 1}},
}

var countTunnels = []Option{
	{0, "count-tunnels", "", "for -c and -C a connection counts until its tunnel has ended, not only prog",
		Rule{CountTunnels, 1}},
}

// TLSServer is s6-tlsserver: it listens.
var TLSServer = Table{"s6-tlsserver", [][]Option{
	proxy, loudness, notify, maxConns, maxEach, countTunnels, backlog, gidList, gid, uid, envUIDGID,
	strict, nagle, noDNS, hosts, ident, paranoid, localName, banner,
	lookupTimeout, rules,
	closeNotify, enforce, clientCert, timeout, keep, sniLevel, delayed,
}, "ip port prog...", 3}

// AccessChecker is the command line, without the name, for s6-tcpserver-access.
func (v *Values) AccessChecker() []string {
	var args []string
	if n := v.Number(Verbosity); n != diag.Normal {
		args = append(args, "-v"+diag.Uint(uint64(n)))
	}
	for _, flag := range []struct {
		field Field
		name  string
	}{{Strict, "-w"}, {NoDelay, "-D"}, {NoDNS, "-H"}, {Hosts, "-h"}, {Ident, "-r"}, {Paranoid, "-p"}} {
		if v.Is(flag.field) {
			args = append(args, flag.name)
		}
	}
	if v.Has(LocalName) {
		args = append(args, "-l", v.Text(LocalName))
	}
	if banner := v.Text(Banner); banner != "" {
		args = append(args, "-B", banner)
	}
	if n := v.Number(NetTimeout); n != 0 {
		args = append(args, "-t", diag.Uint(uint64(n)))
	}
	if v.Has(RulesDir) {
		return append(args, "-i", v.Text(RulesDir), "--")
	}
	return append(args, "-x", v.Text(RulesFile), "--")
}
