//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/option"
	"ucspitls/engine/wrap"
)

// channels are the two pipes and the control channel, in the order in which
// wrap makes them, so that prog finds the same numbers.
type channels struct {
	pair [6]int32 // ioRead, progWrite, progRead, ioWrite, progCtl, ioCtl
	made int
}

func (c *channels) ioRead() uintptr    { return uintptr(c.pair[0]) }
func (c *channels) progWrite() uintptr { return uintptr(c.pair[1]) }
func (c *channels) progRead() uintptr  { return uintptr(c.pair[2]) }
func (c *channels) ioWrite() uintptr   { return uintptr(c.pair[3]) }
func (c *channels) progCtl() uintptr   { return uintptr(c.pair[4]) }
func (c *channels) ioCtl() uintptr     { return uintptr(c.pair[5]) }

// open makes them, all close-on-exec; the -io's ends of the pipes do not block.
// What can't be made is for main to report.
func (c *channels) open(socket bool) bool {
	for range 2 {
		if !c.pipe() {
			return false
		}
	}
	if socket {
		_, e := call4(syscall.SYS_SOCKETPAIR, syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0, uintptr(unsafe.Pointer(&c.pair[4])))
		if e != 0 {
			return false
		}
		c.made = 6
	} else if !c.pipe() {
		return false
	}
	_, e := control(c.ioRead(), syscall.F_SETFL, syscall.O_NONBLOCK)
	_, e2 := control(c.ioWrite(), syscall.F_SETFL, syscall.O_NONBLOCK)
	return e == 0 && e2 == 0
}

func (c *channels) pipe() bool {
	_, e := call(syscall.SYS_PIPE2, uintptr(unsafe.Pointer(&c.pair[c.made])), syscall.O_CLOEXEC, 0)
	if e != 0 {
		return false
	}
	c.made += 2
	return true
}

// undo leaves no trace of open.
func (c *channels) undo() {
	for i := range c.pair[:c.made] {
		closeFD(uintptr(c.pair[i]))
	}
	c.made = 0
}

// place puts what the -io gets on 0 to 5; wrap explains the order. The process
// is a child that has its own descriptors.
func (m *memory) place(server bool) syscall.Errno {
	r, w := m.network(server)
	files := [6]uintptr{r, w, 2, m.ioRead(), m.ioWrite(), m.ioCtl()}
	if !server {
		files = [6]uintptr{m.ioRead(), m.ioWrite(), 2, r, w, m.ioCtl()}
	}
	for i := range files {
		if files[i] < uintptr(i) { // it would be overwritten before its turn
			n, e := control(files[i], fDupFDCloexec, 6)
			if e != 0 {
				return e
			}
			files[i] = n
		}
	}
	for i := range files {
		var e syscall.Errno
		if files[i] == uintptr(i) {
			_, e = control(files[i], syscall.F_SETFD, 0)
		} else {
			_, e = call(syscall.SYS_DUP3, files[i], uintptr(i), 0)
		}
		if e != 0 {
			return e
		}
	}
	return 0
}

// network is where the tool was given the connection.
func (m *memory) network(server bool) (r, w uintptr) {
	if server {
		return 0, 1
	}
	return uintptr(m.Number(option.ReadFD)), uintptr(m.Number(option.WriteFD))
}

// usual tells whether the descriptors are as most callers have them: 0, 1 and 2
// open, and the network. Main knows what to do about others.
func (m *memory) usual(w *wrap.Program) bool {
	r, wr := m.network(w.Side.Server)
	return isOpen(0) && isOpen(1) && isOpen(2) && isOpen(r) && isOpen(wr)
}
