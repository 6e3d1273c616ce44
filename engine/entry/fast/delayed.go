//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/words"
	"ucspitls/engine/wrap"
)

// control socket of the waiting process
const ctl = 5

// delayed becomes prog, which has the channels and their numbers. See
// wrap/delayed.go for this side and the other.
func (m *memory) delayed(w *wrap.Program) {
	for _, n := range [...]uintptr{m.progRead(), m.progWrite(), m.progCtl()} {
		if _, e := control(n, syscall.F_SETFD, 0); e != 0 {
			m.failSystem(w, "pass on a descriptor", e)
		}
	}
	m.progEnviron()
	m.channelNumbers()
	m.become(w)
}

// channelNumbers ends prog's environment.
func (m *memory) channelNumbers() {
	m.envNumber(ucspi.CtlFD, m.progCtl())
	m.envNumber(ucspi.ReadFD, m.progRead())
	m.envNumber(ucspi.WriteFD, m.progWrite())
	m.env(0)
}

func (p *plan) envNumber(name string, n uintptr) {
	mark := p.numbers.n
	p.numbers.add(name)
	p.numbers.byte('=')
	p.numbers.number(uint64(n))
	p.numbers.byte(0)
	p.env(p.numbers.from(mark))
}

// wait is the waiting process.
func (m *memory) wait(w *wrap.Program) {
	if e := m.place(w.Side.Server); e != 0 {
		m.failSystem(w, "place a descriptor", e)
	}
	closeFrom(ctl + 1)
	m.rename(w)
	command, e := m.command()
	if e != 0 && e != syscall.ECONNRESET {
		m.failSystem(w, "read the control socket", e)
	}
	skip := 0
	switch command {
	case none:
		m.tell(w, " declined opportunistic TLS")
		exit(diag.OK)
	case ucspi.StartReport:
		// From here on prog can only listen; its EOF stays clean whatever it sends.
		shutdown(ctl, syscall.SHUT_RD)
	case ucspi.Start:
		closeReceiver(ctl)
		m.ioArgv[2] = m.ioArgv[0]
		skip = 2
	default:
		closeReceiver(ctl)
		m.fail(w, diag.Usage, "unrecognized command on control socket", "", "")
	}
	m.tell(w, " accepted opportunistic TLS")
	notify := uintptr(ctl)
	if command == ucspi.Start {
		notify = noFD
	}
	if m.handOver(w, 3, 4, notify) {
		closeFD(3)
		closeFD(4)
		if notify != noFD {
			closeFD(ctl)
		}
		exit(m.verdict(w))
	}
	e = m.execIO(skip)
	m.endNetwork(w)
	m.cannotRun(w, e)
}

// endNetwork ends the connection for everybody, where prog and its peer believe
// in TLS: no more cleartext. Behind an immediate tool nobody does yet.
func (m *memory) endNetwork(w *wrap.Program) {
	if !w.Delayed {
		return
	}
	r, wr := uintptr(0), uintptr(1)
	if !w.Side.Server {
		r, wr = 3, 4
	}
	shutdown(r, syscall.SHUT_RDWR)
	shutdown(wr, syscall.SHUT_RDWR)
}

const none = -1

// command reads the first byte on the control socket, which alone counts.
func (m *memory) command() (int, syscall.Errno) {
	n, e := call(syscall.SYS_READ, ctl, uintptr(unsafe.Pointer(&m.blob[0])), 1)
	if e != 0 || n == 0 {
		return none, e
	}
	return int(m.blob[0]), 0
}

// closeReceiver is fd.CloseReceiver.
func closeReceiver(n uintptr) {
	shutdown(n, syscall.SHUT_RD)
	for {
		r, e := call5(syscall.SYS_RECVFROM, n, uintptr(unsafe.Pointer(&junk)), uintptr(len(junk)), syscall.MSG_DONTWAIT, 0)
		if e != 0 || r == 0 {
			break
		}
	}
	closeFD(n)
}

var junk [512]byte

// closeFrom closes all descriptors from low on; nobody else's is among them.
func closeFrom(low uintptr) {
	if _, e := call(sysCloseRange, low, 1<<32-1, 0); e == 0 {
		return
	}
	for n := low; n < beyondLargestFD; n++ {
		closeFD(n)
	}
}

// rename writes what the process waits for over its command line, for ps. The
// memory is the child's own, and nothing that it needs is there.
func (m *memory) rename(w *wrap.Program) {
	var d words.Digits
	name, pid := w.Table.Program, d.Format(uint64(m.pid))
	words := *(*unsafe.Pointer)(unsafe.Pointer(&m.first))
	for i := 0; uintptr(i) < m.wordsLen; i++ {
		c := byte(0)
		if at := i; uintptr(i)+1 >= m.wordsLen {
		} else if at < len(name) {
			c = name[at]
		} else if at -= len(name); at < len(wrap.WaitingFor) {
			c = wrap.WaitingFor[at]
		} else if at -= len(wrap.WaitingFor) + 1; at >= 0 && at < len(pid) {
			c = pid[at]
		}
		*(*byte)(unsafe.Add(words, i)) = c
	}
}

func (m *memory) tell(w *wrap.Program, what string) {
	if !m.verbose() {
		return
	}
	m.line.Start(w.Table.Program, "info")
	m.line.Add("pid ")
	m.number(uint64(m.pid))
	m.line.Add(what)
	m.print()
}

// cannotRun ends the process for want of the -io.
func (m *memory) cannotRun(w *wrap.Program, e syscall.Errno) {
	m.failErrno(w, diag.ExecCode(e), "cannot run ", text(unsafe.Pointer(&m.path.b)), e)
}
