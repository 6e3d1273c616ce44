package option

import (
	"time"

	"ucspitls/engine/diag"
)

// Tickets is what s6-tls-ticketkeys is told.
type Tickets struct {
	previous    uint32
	hasPrevious bool
	IfOlder     time.Duration // -i; 0: whatever its age
	Every       time.Duration // -s; 0: once
}

const (
	defaultPrevious = 3
	maxPrevious     = 31 // with the current key half of what a file may hold
)

// Previous is how many keys are kept beside the current one.
func (t *Tickets) Previous() int {
	if t.hasPrevious {
		return int(t.previous)
	}
	return defaultPrevious
}

var previousKeys = []Option{
	{'n', "previous", "count", "how many previous keys to keep beside the new one (default 3)",
		func(s *Settings, v string) error {
			n, ok := Number(v)
			if !ok || n > maxPrevious {
				return diag.Fail(diag.Usage, "previous must be an unsigned integer (", diag.Int(maxPrevious), " at most)")
			}
			s.Tickets.previous, s.Tickets.hasPrevious = n, true
			return nil
		}},
}

var rotateWhen = []Option{
	{'i', "if-older", "seconds", "do nothing unless the current key is at least that old",
		func(s *Settings, v string) error {
			var n uint32
			err := number(&n, "if-older", v)
			s.Tickets.IfOlder = time.Duration(n) * time.Second
			return err
		}},
	{'s', "service", "seconds", "stay, and make a new key whenever the current one is that old",
		func(s *Settings, v string) error {
			n, ok := Number(v)
			if !ok || n == 0 {
				return diag.Fail(diag.Usage, "service must be a number of seconds (1 or more)")
			}
			s.Tickets.Every = time.Duration(n) * time.Second
			return nil
		}},
}

// TicketKeys is s6-tls-ticketkeys: it makes session ticket keys.
var TicketKeys = Table{"s6-tls-ticketkeys", [][]Option{verbosity, previousKeys, rotateWhen}, "file", 1}
