//go:build unix

package tunnel

import (
	"time"

	"golang.org/x/sys/unix"
)

// FDs are the descriptors behind the ends, for poll. NetIn and NetOut may be
// the same; Notify is negative if there is none. They stay the caller's.
type FDs struct {
	NetIn, NetOut, LocalIn, LocalOut, Notify int
}

// Run drives t with poll(2) until the session is over and returns how it
// ended. clock must never go back; its zero is what New was given.
func Run(t *Tunnel, fds FDs, clock func() time.Duration) error {
	var ready Events
	for {
		want, deadline, done, err := t.Step(clock(), ready)
		if done {
			return err
		}
		if ready, err = fds.wait(want, deadline, clock); err != nil {
			return err
		}
	}
}

// A watch is one row of the poll table: which wanted events make it poll fd
// for what, and what each answer means.
type watch struct {
	fd       int
	in, out  Events // poll for POLLIN, POLLOUT
	hangup   Events // POLLHUP or POLLERR, which need not be asked for
	interest Events
}

func (fds *FDs) wait(want Events, deadline time.Duration, clock func() time.Duration) (Events, error) {
	watches := [...]watch{
		{fd: fds.NetIn, in: NetIn, interest: NetIn},
		{fd: fds.NetOut, out: NetOut, interest: NetOut},
		{fd: fds.LocalIn, in: LocalIn, hangup: InHangup, interest: LocalIn | InHangup},
		{fd: fds.LocalOut, out: LocalOut, hangup: OutHangup, interest: LocalOut | OutHangup},
		{fd: fds.Notify, out: NotifyOut, interest: NotifyOut},
	}
	var polls [len(watches)]unix.PollFd
	for i := range watches {
		w := &watches[i]
		polls[i].Fd = -1 // ignored by poll
		if want&w.interest == 0 {
			continue
		}
		polls[i].Fd = int32(w.fd)
		if want&w.in != 0 {
			polls[i].Events |= unix.POLLIN
		}
		if want&w.out != 0 {
			polls[i].Events |= unix.POLLOUT
		}
	}
	for {
		timeout := -1
		if deadline >= 0 {
			// Rounded up: waking before the deadline would only poll again.
			timeout = int(max(0, (deadline-clock()+time.Millisecond-1)/time.Millisecond))
		}
		_, err := unix.Poll(polls[:], timeout)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return 0, err
		}
	}
	var ready Events
	for i := range watches {
		w, got := &watches[i], polls[i].Revents
		if got&unix.POLLIN != 0 {
			ready |= w.in
		}
		if got&unix.POLLOUT != 0 {
			ready |= w.out
		}
		// An error or a hang-up is found by trying, besides what it says itself.
		if got&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
			ready |= w.in | w.out | w.hangup
		}
	}
	return ready, nil
}
