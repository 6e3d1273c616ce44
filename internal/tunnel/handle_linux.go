package tunnel

import (
	"golang.org/x/sys/unix"
)

// A Handle is a task's connection to its loop.
type Handle entry

// Wake has the task stepped soon. Only the loop's goroutine may call it.
func (h *Handle) Wake() { h.loop.enqueue((*entry)(h)) }

// Shared is for a descriptor that several loops watch, to be read by one of
// them: they are not all woken, and none of them closes it. A task that has it
// waits for nothing else there.
func (h *Handle) Shared(fd int) {
	for i := range h.watch {
		if w := &h.watch[i]; w.fd == fd {
			w.more = unix.EPOLLEXCLUSIVE
		}
	}
}

// Close is the [Closer] of the task's descriptors.
func (h *Handle) Close(n int) {
	if h.Release(n) {
		h.loop.CloseNow(n)
	}
}

// Release ends the watching of a descriptor and gives it back to the task; false
// if the loop has it no more.
func (h *Handle) Release(fd int) bool {
	for i := range h.watch {
		if w := &h.watch[i]; w.fd == fd && fd >= 0 {
			err := w.set(h.loop.epoll, h.slot, i, 0)
			w.fd = -1
			if err != nil {
				panic(err) // somebody else closed it
			}
			return true
		}
	}
	return false
}
