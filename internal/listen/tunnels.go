package listen

import (
	"net/netip"
	"time"
)

// A connection as the kernel knows it. Its descriptor is closed here as soon as
// a child has it: one that is kept would hold back its FIN.
type connection struct {
	local, remote netip.AddrPort
	cookie        uint64 // tells it from another one with the same addresses
}

// tunnels knows which connections are still open although their child has
// ended: the tunnel goes on until the peer has what prog wrote. Nobody tells
// when one of them ends, so the kernel is asked again and again.
type tunnels struct {
	kernel   int                // a netlink socket
	children map[int]connection // by pid
	open     []outliving
	timer    *time.Timer
}

type outliving struct {
	connection
	every time.Duration // until the next look
	at    time.Time
}

const (
	firstLook = 10 * time.Millisecond // most are gone by then; doubled each time
	lastLook  = time.Second           // ... up to this
)

func (t *tunnels) add(pid int, c connection) { t.children[pid] = c }

// ended is for a child that has ended. It gives whether its connection is open.
func (t *tunnels) ended(pid int) bool {
	c, ok := t.children[pid]
	delete(t.children, pid)
	if !ok || !t.owned(c) {
		return false
	}
	t.open = append(t.open, outliving{c, firstLook, time.Now().Add(firstLook)})
	t.arm()
	return true
}

// look gives the connections that have ended since.
func (t *tunnels) look(now time.Time) (gone []connection) {
	left := t.open[:0]
	for _, o := range t.open {
		if !now.Before(o.at) {
			if !t.owned(o.connection) {
				gone = append(gone, o.connection)
				continue
			}
			o.every = min(2*o.every, lastLook)
			o.at = now.Add(o.every)
		}
		left = append(left, o)
	}
	t.open = left
	t.arm()
	return gone
}

// arm sets the timer for the next look.
func (t *tunnels) arm() {
	if len(t.open) == 0 {
		t.timer.Stop()
		return
	}
	next := t.open[0].at
	for _, o := range t.open {
		if o.at.Before(next) {
			next = o.at
		}
	}
	t.timer.Reset(max(firstLook, time.Until(next)))
}

// due fires when it is time to look; on a nil t never.
func (t *tunnels) due() <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.timer.C
}
