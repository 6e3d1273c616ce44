package option

import "ucspitls/engine/diag"

// Groups that several programs share. Their order in a table is the order of
// the usage line, which is the original's.

var closeNotify = []Option{
	{'S', "close-notify", "", "on local EOF send close_notify",
		func(s *Settings, _ string) error { s.CloseNotify = true; return nil }},
	{'s', "no-close-notify", "", "on local EOF only half-close the connection (default)",
		func(s *Settings, _ string) error { s.CloseNotify = false; return nil }},
}

var enforce = []Option{
	{'J', "enforce-close-notify", "", "a peer that ends without close_notify is an error",
		func(s *Settings, _ string) error { s.Enforce = true; return nil }},
	{'j', "no-enforce-close-notify", "", "a peer may end without close_notify (default)",
		func(s *Settings, _ string) error { s.Enforce = false; return nil }},
}

var clientCert = []Option{
	{'Y', "client-cert", "", "ask the client for a certificate; it may have none",
		func(s *Settings, _ string) error { s.ClientCert = ClientCertOptional; return nil }},
	{'y', "mandatory-client-cert", "", "require a certificate of the client",
		func(s *Settings, _ string) error { s.ClientCert = ClientCertMandatory; return nil }},
}

var sendCert = []Option{
	{'Y', "no-client-cert", "", "send no client certificate (default)",
		func(s *Settings, _ string) error { s.SendCert = false; return nil }},
	{'y', "client-cert", "", "send the certificate of CERTFILE and KEYFILE",
		func(s *Settings, _ string) error { s.SendCert = true; return nil }},
}

var fingerprints = []Option{
	{0, "list-fingerprints", "", "print what TLS_FINGERPRINT may be, with each JA4",
		func(s *Settings, _ string) error { s.Show = ShowFingerprints; return nil }},
}

var sniLevel = []Option{
	{'k', "sni-level", "snilevel", "0: one key pair; 1: pairs by server name; 2: a known name is mandatory",
		func(s *Settings, v string) error { s.sniGiven = true; return number(&s.sniLevel, "sni-level", v) }},
	{0, "sni", "", "as -k 1",
		func(s *Settings, _ string) error { s.sniFlag = SNIOn; return nil }},
	{0, "mandatory-sni", "", "as -k 2",
		func(s *Settings, _ string) error { s.sniFlag = SNIMandatory; return nil }},
}

var serverName = []Option{
	{'k', "servername", "servername", "name of the server: sent as SNI and verified",
		func(s *Settings, v string) error { s.ServerName = v; return nil }},
}

var verifyCert = []Option{
	{0, "verify-cert", "", "verify the server's certificate (default)",
		func(s *Settings, _ string) error { s.NoVerifyCert = false; return nil }},
	{0, "no-verify-cert", "", "skip all verification: chain, dates and name",
		func(s *Settings, _ string) error { s.NoVerifyCert = true; return nil }},
}

var timeout = []Option{
	{'K', "handshake-timeout", "timeout", "milliseconds that the handshake may take; 0: any time (default)",
		func(s *Settings, v string) error { return number(&s.Timeout, "handshake-timeout", v) }},
}

var verbosity = []Option{
	{'v', "verbosity", "verbosity", "0: errors, 1: warnings (default), 2: events, 3: debug",
		func(s *Settings, v string) error { return number(&s.Verbosity, "verbosity", v) }},
}

var keep = []Option{
	{'Z', "keep", "", "leave the TLS configuration in prog's environment",
		func(s *Settings, _ string) error { s.Keep = true; return nil }},
	{'z', "no-keep", "", "remove the TLS configuration from prog's environment (default)",
		func(s *Settings, _ string) error { s.Keep = false; return nil }},
}

var notification = []Option{
	{'d', "notification-fd", "notif", "descriptor to write the connection information to; 0: none (default)",
		func(s *Settings, v string) error { return number(&s.NotifyFD, "notification-fd", v) }},
}

var readFD = []Option{
	{'6', "read-fd", "fdr", "descriptor to read the network from (default 6)",
		func(s *Settings, v string) error { return networkFD(&s.ReadFD, "read-fd", v) }},
}

var writeFD = []Option{
	{'7', "write-fd", "fdw", "descriptor to write the network to (default 7)",
		func(s *Settings, v string) error { return networkFD(&s.WriteFD, "write-fd", v) }},
}

func networkFD(to *int, name, value string) error {
	n, ok := Number(value)
	if !ok || n < 3 || n > 1<<30 {
		return diag.Fail(diag.Usage, name, " must be an unsigned integer (3 or more)")
	}
	*to = int(n)
	return nil
}

// UCSPITLSD is s6-ucspitlsd: delayed TLS, server side.
var UCSPITLSD = Table{"s6-ucspitlsd", [][]Option{
	closeNotify, enforce, clientCert, sniLevel, verbosity, timeout, keep,
	dropUID, dropGID, dropGroups, dropEnv,
}, "prog...", 1}

// TLSD is s6-tlsd: immediate TLS, server side.
var TLSD = Table{"s6-tlsd", UCSPITLSD.Groups, "prog...", 1}

// UCSPITLSC is s6-ucspitlsc: delayed TLS, client side.
var UCSPITLSC = Table{"s6-ucspitlsc", [][]Option{
	closeNotify, enforce, sendCert, verbosity, timeout, keep, serverName, readFD, writeFD, verifyCert,
}, "prog...", 1}

// TLSC is s6-tlsc: immediate TLS, client side.
var TLSC = Table{"s6-tlsc", [][]Option{
	closeNotify, enforce, sendCert, verbosity, timeout, serverName, keep, readFD, writeFD, verifyCert,
}, "prog...", 1}

// TLSDIO is s6-tlsd-io: the tunnel, server side.
var TLSDIO = Table{"s6-tlsd-io", [][]Option{
	verbosity, notification, closeNotify, enforce, clientCert, timeout, sniLevel,
}, "fdr fdw", 2}

// TLSCIO is s6-tlsc-io: the tunnel, client side.
var TLSCIO = Table{"s6-tlsc-io", [][]Option{
	verbosity, notification, closeNotify, enforce, sendCert, timeout, serverName, verifyCert, fingerprints,
}, "fdr fdw", 2}
