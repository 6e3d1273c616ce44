package tunnel

import (
	"math/bits"

	"golang.org/x/sys/unix"
)

// A watched descriptor, for one or more roles. Of roles that share a
// descriptor the first one watches.
type watched struct {
	fd   int    // -1: none, or closed, or given back
	mask uint32 // what the kernel watches for; 0: not in the set
	all  Events // the events of the roles that it has
	more uint32 // EPOLLEXCLUSIVE
}

const roles = 6

// roleEvents are the events of each role, in the order of FDs, and which of
// them stands for what the kernel says.
var roleEvents = [roles]struct{ in, out, hangup Events }{
	{in: NetIn},
	{out: NetOut},
	{in: LocalIn, hangup: InHangup},
	{out: LocalOut, hangup: OutHangup},
	{out: NotifyOut},
	{in: Control},
}

// set changes what the kernel watches for; 0 takes the descriptor out of the
// set, or its hang-up would be told again and again.
func (w *watched) set(epoll int, slot int32, place int, mask uint32) error {
	if w.fd < 0 || w.mask == mask {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case w.mask == 0:
		op = unix.EPOLL_CTL_ADD
	case mask == 0:
		op = unix.EPOLL_CTL_DEL
	}
	if err := unix.EpollCtl(epoll, op, w.fd, &unix.EpollEvent{Events: mask, Fd: slot, Pad: int32(place)}); err != nil {
		return err
	}
	w.mask = mask
	return nil
}

// meaning is what the kernel's answer says. An error or a hang-up is found by
// trying, besides what it says itself.
func (w *watched) meaning(got uint32) (ready Events) {
	broken := got&(unix.EPOLLHUP|unix.EPOLLERR) != 0
	for rest := w.all; rest != 0; rest &= rest - 1 {
		switch one := Events(1) << bits.TrailingZeros16(uint16(rest)); one {
		case NetIn, LocalIn, Control:
			if broken || got&unix.EPOLLIN != 0 {
				ready |= one
			}
		case NetOut, LocalOut, NotifyOut:
			if broken || got&unix.EPOLLOUT != 0 {
				ready |= one
			}
		default: // a hang-up
			if broken {
				ready |= one
			}
		}
	}
	return ready
}
