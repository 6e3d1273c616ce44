package listen

import (
	"net/netip"
	"syscall"
)

// children knows which process serves which address.
type children struct {
	byPID map[int]netip.Addr
	byIP  map[netip.Addr]int // how many, with tunnels; no zeros
	// tunnels are connections that are open although their child has ended.
	tunnels int
}

func newChildren() *children {
	return &children{byPID: map[int]netip.Addr{}, byIP: map[netip.Addr]int{}}
}

func (c *children) count() int             { return len(c.byPID) + c.tunnels }
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
	c.less(ip)
	return ip, true
}

func (c *children) less(ip netip.Addr) {
	if c.byIP[ip]--; c.byIP[ip] == 0 {
		delete(c.byIP, ip)
	}
}

// outlived is for a child that was removed and whose connection is open.
func (c *children) outlived(ip netip.Addr) {
	c.tunnels++
	c.byIP[ip]++
}

// closed is for the end of such a connection.
func (c *children) closed(ip netip.Addr) {
	c.tunnels--
	c.less(ip)
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
