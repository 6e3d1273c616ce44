package option

var family = []Option{
	{'4', "ipv4", "", "connect to IPv4 addresses of host (default)",
		Rule{IPv4, 1}},
	{'6', "ipv6", "", "connect to its IPv6 addresses; with -4 too they come first",
		Rule{IPv6, 1}},
}

var qualify = []Option{
	{'n', "qualify", "", "complete host with the search domains (default)",
		Rule{NoQualify, 0}},
	{'N', "no-qualify", "", "take host as it is",
		Rule{NoQualify, 1}},
}

var wholeTimeout = []Option{
	{'t', "timeout", "timeout", "seconds that look-ups and connection may take in all", Rule{NetTimeout, Argument}},
}

var connTimeouts = []Option{
	{'T', "connection-timeouts", "timeoutconn", "x+y: seconds for each address in a first and a second round (default 2+58)",
		Rule{ConnTimeouts, Argument}},
}

var localIP = []Option{
	{'i', "local-ip", "localip", "connect from this address", Rule{LocalIP, Argument}},
}

var localPort = []Option{
	{'p', "local-port", "localport", "connect from this port", Rule{LocalPort, Argument}},
}

// TLSClient is s6-tlsclient: it connects.
var TLSClient = Table{"s6-tlsclient", [][]Option{
	loudness, family, nagle, ident, hosts, noDNS, qualify,
	wholeTimeout, localName, connTimeouts, localIP, localPort,
	closeNotify, enforce, sendCert, timeout, serverName, keep, verifyCert,
}, "host port prog...", 3}
