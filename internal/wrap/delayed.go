package wrap

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
)

// delayed is s6-ucspitlsd and s6-ucspitlsc: the waiting process is there, and prog
// takes this process's place at once.
func (m *memory) delayed() {
	for _, n := range [...]int{m.progRead(), m.progWrite(), m.progCtl()} {
		if e := sys.Inherit(n); e != 0 {
			m.failSystem("pass on a descriptor", e)
		}
	}
	m.progEnviron()
	m.channelNumbers()
	m.become()
}

// wait is the waiting process, whose descriptors have their fixed numbers.
func (m *memory) wait() {
	sys.CloseFrom(ctl + 1)
	command, e := m.command()
	if e != 0 && e != syscall.ECONNRESET {
		m.failSystem("read the control socket", e)
	}
	skip, notify := 0, ctl
	switch command {
	case none:
		m.tell(" declined opportunistic TLS")
		sys.Exit(diag.OK)
	case ucspi.StartReport:
		// From here on prog can only listen; its EOF stays clean whatever it sends.
		sys.Shutdown(ctl, syscall.SHUT_RD)
	case ucspi.Start:
		sys.CloseReceiver(ctl)
		m.ioArgv[2] = m.ioArgv[0] // without "-d 5"
		skip, notify = 2, noFD
	default:
		sys.CloseReceiver(ctl)
		m.fail(diag.Usage, "unrecognized command on control socket", "", "")
	}
	m.tell(" accepted opportunistic TLS")
	if m.handOver(3, 4, notify) {
		sys.Close(3)
		sys.Close(4)
		if notify != noFD { // or else it is closed already, and the number another's
			sys.Close(ctl)
		}
		sys.Exit(m.verdict())
	}
	e = m.execIO(skip)
	m.endNetwork()
	m.cannotRun(e)
}

const (
	none = -1
	noFD = -1
)

// command reads the first byte on the control socket, which alone counts.
func (m *memory) command() (int, syscall.Errno) {
	n, e := sys.Read(ctl, unsafe.Pointer(&m.blob[0]), 1)
	if e != 0 || n == 0 {
		return none, e
	}
	return int(m.blob[0]), 0
}

// execIO executes the -io; skip is how many words of its command line are left out.
func (m *memory) execIO(skip int) syscall.Errno {
	return sys.Execute(m.ioArgv[0], uintptr(unsafe.Pointer(&m.ioArgv[skip])), m.vector(0), true)
}

// endNetwork ends the connection for everybody, where prog and its peer believe
// in TLS: no more cleartext. Behind an immediate tool nobody does yet.
func (m *memory) endNetwork() {
	if !m.of().Delayed {
		return
	}
	r, w := 0, 1
	if !m.of().Side.Server {
		r, w = 3, 4
	}
	sys.Shutdown(r, syscall.SHUT_RDWR)
	sys.Shutdown(w, syscall.SHUT_RDWR)
}
