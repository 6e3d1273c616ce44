package option

// Groups that several programs share. Their order in a table is the order of
// the usage line, which is the original's.

var closeNotify = []Option{
	{'S', "close-notify", "", "on local EOF send close_notify", Rule{CloseNotify, 1}},
	{'s', "no-close-notify", "", "on local EOF only half-close the connection (default)", Rule{CloseNotify, 0}},
}

var enforce = []Option{
	{'J', "enforce-close-notify", "", "a peer that ends without close_notify is an error", Rule{Enforce, 1}},
	{'j', "no-enforce-close-notify", "", "a peer may end without close_notify (default)", Rule{Enforce, 0}},
}

var clientCert = []Option{
	{'Y', "client-cert", "", "ask the client for a certificate; it may have none", Rule{ClientCert, ClientCertOptional}},
	{'y', "mandatory-client-cert", "", "require a certificate of the client", Rule{ClientCert, ClientCertMandatory}},
}

var sendCert = []Option{
	{'Y', "no-client-cert", "", "send no client certificate (default)", Rule{SendCert, 0}},
	{'y', "client-cert", "", "send the certificate of CERTFILE and KEYFILE", Rule{SendCert, 1}},
}

var fingerprints = []Option{
	{0, "list-fingerprints", "", "print what TLS_FINGERPRINT may be, with each JA4",
		Rule{Show, ShowFingerprints}},
}

var sniLevel = []Option{
	{'k', "sni-level", "snilevel", "0: one key pair; 1: pairs by server name; 2: a known name is mandatory", Rule{SNILevel, Argument}},
	{0, "sni", "", "as -k 1", Rule{SNIFlag, SNIOn}},
	{0, "mandatory-sni", "", "as -k 2", Rule{SNIFlag, SNIMandatory}},
}

var serverName = []Option{
	{'k', "servername", "servername", "name of the server: sent as SNI and verified", Rule{ServerName, Argument}},
}

var verifyCert = []Option{
	{0, "verify-cert", "", "verify the server's certificate (default)", Rule{NoVerifyCert, 0}},
	{0, "no-verify-cert", "", "skip all verification: chain, dates and name", Rule{NoVerifyCert, 1}},
}

var timeout = []Option{
	{'K', "handshake-timeout", "timeout", "milliseconds that the handshake may take; 0: any time (default)", Rule{Timeout, Argument}},
}

var verbosity = []Option{
	{'v', "verbosity", "verbosity", "0: errors, 1: warnings (default), 2: events, 3: debug", Rule{Verbosity, Argument}},
}

var keep = []Option{
	{'Z', "keep", "", "leave the TLS configuration in prog's environment", Rule{Keep, 1}},
	{'z', "no-keep", "", "remove the TLS configuration from prog's environment (default)", Rule{Keep, 0}},
}

var notification = []Option{
	{'d', "notification-fd", "notif", "descriptor to write the connection information to; 0: none (default)", Rule{NotifyFD, Argument}},
}

var readFD = []Option{
	{'6', "read-fd", "fdr", "descriptor to read the network from (default 6)", Rule{ReadFD, Argument}},
}

var writeFD = []Option{
	{'7', "write-fd", "fdw", "descriptor to write the network to (default 7)", Rule{WriteFD, Argument}},
}

var serverWrapper = [][]Option{
	closeNotify, enforce, clientCert, sniLevel, verbosity, timeout, keep,
	dropUID, dropGID, dropGroups, dropEnv,
}

// UCSPITLSD is s6-ucspitlsd: delayed TLS, server side.
var UCSPITLSD = Table{"s6-ucspitlsd", serverWrapper, "prog...", 1}

// TLSD is s6-tlsd: immediate TLS, server side.
var TLSD = Table{"s6-tlsd", serverWrapper, "prog...", 1}

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

// TLSDIOD is s6-tlsd-iod: the shared tunnel process.
var TLSDIOD = Table{"s6-tlsd-iod", [][]Option{
	verbosity, readiness, closeNotify, enforce, clientCert, timeout, sniLevel, uids,
}, "socket", 1}
