package option

import "ucspitls/engine/diag"

const maxBanner = 1024 // fits into the send buffer of a fresh connection

var proxy = []Option{
	{'L', "proxy", "", "a PROXY protocol header comes before TLS",
		func(s *Settings, _ string) error { s.Net.Proxy = true; return nil }},
}

var notify = []Option{
	{'1', "notify", "", "print the port on stdout once listening",
		func(s *Settings, _ string) error { s.Net.Notify = true; return nil }},
}

var maxConns = []Option{
	{'c', "global-max-connections", "maxconn", "how many connections there may be at a time (default 40)",
		func(s *Settings, v string) error { return limit(&s.Net.maxConns, "global-max-connections", v) }},
}

var maxEach = []Option{
	{'C', "local-max-connections", "localmaxconn", "how many of them from one address (default 40)",
		func(s *Settings, v string) error { return limit(&s.Net.maxEach, "local-max-connections", v) }},
}

var backlog = []Option{
	{'b', "backlog", "backlog", "how many connections may wait (default: the kernel's maximum)",
		func(s *Settings, v string) error {
			var n uint32
			err := number(&n, "backlog", v)
			s.Net.Backlog, s.Net.HasBacklog = int(min(n, 1<<31-1)), true
			return err
		}},
}

// These have short names here; the wrappers use the letters for something else.

var (
	gidList   = []Option{{'G', "gidlist", "gidlist", groupsHelp, setGroups}}
	gid       = []Option{{'g', "gid", "gid", gidHelp, setGID}}
	uid       = []Option{{'u', "uid", "uid", uidHelp, setUID}}
	envUIDGID = []Option{{'U', "envuidgid", "", envHelp, setEnv}}
)

var strict = []Option{
	{'W', "no-strict-resolution", "", "a look-up that fails does not matter (default)",
		func(s *Settings, _ string) error { s.Net.Strict = false; return nil }},
	{'w', "strict-resolution", "", "drop a connection for which a look-up fails",
		func(s *Settings, _ string) error { s.Net.Strict = true; return nil }},
}

var paranoid = []Option{
	{'P', "no-paranoid", "", "believe in the name that the DNS gives for an address (default)",
		func(s *Settings, _ string) error { s.Net.Paranoid = false; return nil }},
	{'p', "paranoid", "", "look up that name too: the address must be one of its addresses",
		func(s *Settings, _ string) error { s.Net.Paranoid = true; return nil }},
}

var banner = []Option{
	{'B', "banner", "banner", "text to send as soon as a connection is there",
		func(s *Settings, v string) error {
			if s.Net.Banner = v; len(v) > maxBanner {
				return diag.Fail(diag.Usage, "banner must not be longer than ", diag.Int(maxBanner), " bytes")
			}
			return nil
		}},
}

var lookupTimeout = []Option{
	{'t', "timeout", "timeout", "milliseconds that the look-ups may take in all",
		func(s *Settings, v string) error { return number(&s.Net.Timeout, "timeout", v) }},
}

var rules = []Option{
	{'i', "rules-directory", "rulesdir", "access rules for s6-tcpserver-access, a directory",
		func(s *Settings, v string) error { s.Net.RulesDir, s.Net.HasRulesDir = v, true; return nil }},
	{'x', "rules-file", "rulesfile", "access rules for s6-tcpserver-access, a cdb file",
		func(s *Settings, v string) error { s.Net.RulesFile, s.Net.HasFile = v, true; return nil }},
}

var delayed = []Option{
	{0, "delayed", "", "run prog under s6-ucspitlsd: it decides when TLS starts",
		func(s *Settings, _ string) error { s.Net.Delayed = true; return nil }},
}

var countTunnels = []Option{
	{0, "count-tunnels", "", "for -c and -C a connection counts until its tunnel has ended, not only prog",
		func(s *Settings, _ string) error { s.Net.CountTunnels = true; return nil }},
}

// TLSServer is s6-tlsserver: it listens.
var TLSServer = Table{"s6-tlsserver", [][]Option{
	proxy, loudness, notify, maxConns, maxEach, countTunnels, backlog, gidList, gid, uid, envUIDGID,
	strict, nagle, noDNS, hosts, ident, paranoid, localName, banner,
	lookupTimeout, rules,
	closeNotify, enforce, clientCert, timeout, keep, sniLevel, delayed,
}, "ip port prog...", 3}

// ServerWrapper is the command line, without the name, that s6-tlsd or
// s6-ucspitlsd gets from s6-tlsserver.
func (s *Settings) ServerWrapper() []string {
	args := s.ServerIO()
	if s.Keep {
		args = append(args, "-Z")
	}
	d := &s.Drop
	if d.HasUID {
		args = append(args, "--uid="+number10(d.UID))
	}
	if d.HasGID {
		args = append(args, "--gid="+number10(d.GID))
	}
	if d.HasGroups {
		list := "--gidlist="
		for i, g := range d.Groups {
			if i > 0 {
				list += ","
			}
			list += number10(uint32(g))
		}
		args = append(args, list)
	}
	if d.FromEnv {
		args = append(args, "--envuidgid")
	}
	return args
}

// AccessChecker is the command line, without the name, for s6-tcpserver-access.
func (s *Settings) AccessChecker() []string {
	n := &s.Net
	var args []string
	if s.Verbosity != diag.Normal {
		args = append(args, "-v"+number10(s.Verbosity))
	}
	for _, flag := range []struct {
		on   bool
		name string
	}{{n.Strict, "-w"}, {n.NoDelay, "-D"}, {n.NoDNS, "-H"}, {n.Hosts, "-h"}, {n.Ident, "-r"}, {n.Paranoid, "-p"}} {
		if flag.on {
			args = append(args, flag.name)
		}
	}
	if n.HasLocalName {
		args = append(args, "-l", n.LocalName)
	}
	if n.Banner != "" {
		args = append(args, "-B", n.Banner)
	}
	if n.Timeout != 0 {
		args = append(args, "-t", number10(n.Timeout))
	}
	if n.HasRulesDir {
		return append(args, "-i", n.RulesDir, "--")
	}
	return append(args, "-x", n.RulesFile, "--")
}
