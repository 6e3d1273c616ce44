package wrap

import (
	"syscall"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// channels are the two pipes, and the control socket or the pipe for the blob.
type channels struct {
	down [2]int32 // to the -io, from prog
	up   [2]int32 // to prog, from the -io
	ctl  [2]int32 // prog's end, the -io's
}

func (c *channels) ioRead() int    { return int(c.down[0]) }
func (c *channels) progWrite() int { return int(c.down[1]) }
func (c *channels) progRead() int  { return int(c.up[0]) }
func (c *channels) ioWrite() int   { return int(c.up[1]) }
func (c *channels) progCtl() int   { return int(c.ctl[0]) }
func (c *channels) ioCtl() int     { return int(c.ctl[1]) }

// control socket or notification pipe of the waiting process and of an -io
const ctl = 5

// prepare checks the network's descriptors before anything can take their
// numbers, and makes the channels. All are close-on-exec.
func (m *memory) prepare() {
	m.pid = sys.PID()
	m.standard()
	// For the child, which is hidden from its first moment: prog has its ids.
	entry.Hide(m.lookup(ucspi.Sandbox))
	m.ids() // what is wrong with them is said before anything is started
	r, wr := m.network()
	m.checkOpen(r)
	m.checkOpen(wr)
	if e := sys.Pipe(&m.down); e != 0 {
		m.failSystem("create a pipe", e)
	}
	if e := sys.Pipe(&m.up); e != 0 {
		m.failSystem("create a pipe", e)
	}
	var e syscall.Errno
	if m.of().Delayed {
		e = sys.SocketPair(&m.ctl)
	} else {
		e = sys.Pipe(&m.ctl)
	}
	if e != 0 {
		m.failSystem("create a control channel", e)
	}
	if e = sys.Nonblock(m.ioRead()); e == 0 {
		e = sys.Nonblock(m.ioWrite())
	}
	if e != 0 {
		m.failSystem("set a pipe non-blocking", e)
	}
}

// standard sees which of 0, 1 and 2 are closed. /dev/null is there until prog
// gets them: nothing that we open may have their numbers.
func (m *memory) standard() {
	for n := range m.closed {
		closed, e := sys.StandIn(n)
		if e != 0 {
			m.failSystem("open /dev/null", e)
		}
		m.closed[n] = closed
	}
}

func (m *memory) checkOpen(n int) {
	if m.of().Side.Server && m.closed[n] || !sys.IsOpen(n) {
		m.failNumber(diag.System, "unable to check network descriptor ", n, ": bad file descriptor")
	}
}

// network is where the tool was given the connection.
func (m *memory) network() (r, w int) {
	if m.of().Side.Server {
		return 0, 1
	}
	return int(m.Number(option.ReadFD)), int(m.Number(option.WriteFD))
}

// files is what the waiting process and the -io get on 0 to 5.
func (m *memory) files() [ctl + 1]int {
	r, w := m.network()
	if m.of().Side.Server {
		return [...]int{r, w, 2, m.ioRead(), m.ioWrite(), m.ioCtl()}
	}
	return [...]int{m.ioRead(), m.ioWrite(), 2, r, w, m.ioCtl()}
}

// goOn becomes prog once there is a child, or e; the session may be the shared
// process's. It does not return.
func (m *memory) goOn(child int, e syscall.Errno) {
	m.child = child
	if e != 0 {
		m.failed = e
	}
	switch {
	case !m.of().Delayed:
		m.immediate()
	case e != 0:
		m.failErrno(diag.System, "unable to start ", words.Text(m.ioArgv[0]), e)
	}
	m.delayed()
}

// channelNumbers ends prog's environment.
func (m *memory) channelNumbers() {
	m.envNumber(ucspi.CtlFD, m.progCtl())
	m.envNumber(ucspi.ReadFD, m.progRead())
	m.envNumber(ucspi.WriteFD, m.progWrite())
	m.env(0)
}

func (m *memory) envNumber(name string, n int) {
	mark := m.text.mark()
	m.text.add(name)
	m.text.add("=")
	m.text.number(n)
	m.env(m.text.end(mark))
}
