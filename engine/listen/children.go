package listen

import (
	"net/netip"
	"syscall"
)

// children knows which process serves which address.
type children struct {
	byPID map[int]netip.Addr
	byIP  map[netip.Addr]int // how many; no zeros
}

func newChildren() *children {
	return &children{map[int]netip.Addr{}, map[netip.Addr]int{}}
}

func (c *children) count() int             { return len(c.byPID) }
func (c *children) from(ip netip.Addr) int { return c.byIP[ip] }

func (c *children) add(pid int, ip netip.Addr) {
	c.byPID[pid] = ip
	c.byIP[ip]++
}

// remove forgets a child that was reaped. ok is false for a stranger.
func (c *children) remove(pid int) (ip netip.Addr, ok bool) {
	if ip, ok = c.byPID[pid]; !ok {
		return ip, false
	}
	delete(c.byPID, pid)
	if c.byIP[ip]--; c.byIP[ip] == 0 {
		delete(c.byIP, ip)
	}
	return ip, true
}

// signal sends signals to every child. One that has just ended is not reaped
// yet, so its pid is nobody else's.
func (c *children) signal(sigs ...syscall.Signal) {
	for pid := range c.byPID {
		for _, sig := range sigs {
			syscall.Kill(pid, sig)
		}
	}
}
