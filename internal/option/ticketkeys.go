package option

var previousKeys = []Option{
	{'n', "previous", "count", "how many previous keys to keep beside the new one (default 3)",
		Rule{Previous, Argument}},
}

var rotateWhen = []Option{
	{'i', "if-older", "seconds", "do nothing unless the current key is at least that old",
		Rule{IfOlder, Argument}},
	{'s', "service", "seconds", "stay, and make a new key whenever the current one is that old",
		Rule{Every, Argument}},
}

// TicketKeys is s6-tls-ticketkeys: it makes session ticket keys.
var TicketKeys = Table{"s6-tls-ticketkeys", [][]Option{verbosity, previousKeys, rotateWhen}, "file", 1}
