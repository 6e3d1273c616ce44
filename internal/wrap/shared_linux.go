package wrap

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/handover"
	"ucspitls/internal/option"
	"ucspitls/internal/sys"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

// shared is what a session needs that the process of TLS_IOD is to have. The
// protocol is explained in package handover.
var shared struct {
	hello handover.Hello
	heard [8192]byte // from the daemon
	roles [6]byte
	files [5]int32
}

// patience is how long, in seconds, the daemon may take to say go: it answers
// from memory. One that is being restarted has its socket open meanwhile.
const patience = 5

const tooLong = "the environment is too long to be handed over"

// handOver gives the session to the shared tunnel process, if TLS_IOD names
// one, and reports whether it has it. The network is on 0 and 1; notify may be
// noFD. Whatever keeps us from that is said, and only means that there is an -io.
func (m *memory) handOver(fromProg, toProg, notify int) bool {
	path := m.lookup(ucspi.IOD)
	if !m.of().Side.Server || path == "" {
		return false
	}
	in, ok := sys.FStat(0)
	out, ok2 := sys.FStat(1)
	if !ok || !ok2 || !in.Socket || !out.Socket {
		return m.refuse(diag.Verbose, "the network is no socket", "", 0)
	}
	m.hello()
	if shared.hello.TooLong() {
		return m.refuse(diag.Normal, tooLong, "", 0)
	}
	fd, e := sys.Socket()
	if e != 0 {
		m.endNetwork()
		m.failSystem("create a socket", e)
	}
	if !m.offer(fd, path) {
		sys.Close(fd)
		return false
	}
	n := 0
	if in.Device == out.Device && in.Inode == out.Inode {
		n = give(n, handover.Network, 0)
	} else {
		n = give(n, handover.NetworkIn, 0)
		n = give(n, handover.NetworkOut, 1)
	}
	n = give(n, handover.FromProg, fromProg)
	n = give(n, handover.ToProg, toProg)
	if notify != noFD {
		n = give(n, handover.Notify, notify)
	}
	shared.roles[0] = handover.KindFiles
	if e := sys.SendFiles(fd, shared.roles[:n+1], shared.files[:n]); e != 0 { // and nothing was sent
		sys.Close(fd)
		return m.refuse(diag.Normal, "not to be handed over: ", "", e)
	}
	m.link = fd
	return true
}

func give(n int, role byte, fd int) int {
	shared.roles[n+1] = role
	shared.files[n] = int32(fd)
	return n + 1
}

// hello makes the first message.
func (m *memory) hello() {
	h := &shared.hello
	env := words.List{V: m.vector(0), N: m.environment.prog - 1}
	h.Begin(&m.Values, &env, uint64(m.pid), m.of().Delayed)
	root, here := inode("/\x00"), inode(".\x00")
	h.Configuration(&m.Values, &env, root, here)
}

// inode is where a path leads to.
func inode(path string) handover.Place {
	st, ok := sys.Stat(path)
	return handover.Place{Known: ok, Device: st.Device, Inode: st.Inode}
}

// offer asks the daemon on path, and reports whether it has said go. It must run
// as root, as this process or as TLS_UID: a descriptor is handed to nobody else,
// and that somebody else sits there is an error.
func (m *memory) offer(fd int, path string) bool {
	sys.Patience(fd, patience)
	switch e := sys.Connect(fd, path); e {
	case 0:
	case syscall.ENOENT, syscall.ECONNREFUSED:
		return m.refuse(diag.Verbose, "nobody listens on ", path, 0)
	case syscall.EAGAIN:
		return m.refuse(diag.Normal, path, " is overloaded", 0)
	case syscall.EINVAL:
		m.endNetwork()
		m.fail(diag.Usage, path, " is too long for a socket", "")
	default:
		m.endNetwork()
		m.failErrno(diag.System, "unable to connect to ", path, e)
	}
	uid, e := sys.Peer(fd)
	if e != 0 {
		m.endNetwork()
		m.failErrno(diag.System, "unable to see who listens on ", path, e)
	}
	if !m.trusts(uid) {
		m.endNetwork()
		m.start("fatal")
		m.line.Add("uid ")
		m.number(int(uid))
		m.line.Add(" listens on ")
		m.line.Add(path)
		m.line.Add(": not to be trusted with a connection")
		m.print()
		sys.Exit(diag.System)
	}
	e = sys.Send(fd, shared.hello.Bytes())
	if e == syscall.EMSGSIZE {
		return m.refuse(diag.Normal, tooLong, "", 0)
	}
	n := 0
	if e == 0 {
		n, e = sys.Receive(fd, shared.heard[:256], false)
		if e == syscall.EAGAIN {
			return m.refuse(diag.Normal, "no answer from ", path, 0)
		}
	}
	if e != 0 || n == 0 {
		return m.refuse(diag.Normal, "turned away at ", path, 0)
	}
	switch shared.heard[0] {
	case handover.KindGo:
		sys.Patience(fd, 0)
		return true
	case handover.KindDiffers:
		return m.refuse(diag.Normal, "the shared process was started with another ", said(n), 0)
	case handover.KindBusy:
		return m.refuse(diag.Normal, "the shared process is busy", "", 0)
	}
	return m.refuse(diag.Normal, "not understood by the shared process", "", 0)
}

// trusts reports who may have our connections.
func (m *memory) trusts(uid uint32) bool {
	if uid == 0 || int(uid) == sys.EffectiveUID() {
		return true
	}
	id, ok := words.Number(m.lookup(ucspi.UID))
	return ok && id == uid
}

// refuse says why there is an -io for this session although TLS_IOD is set. It
// is false.
func (m *memory) refuse(least uint32, why, what string, e syscall.Errno) bool {
	if m.Number(option.Verbosity) < least {
		return false
	}
	level := "info"
	if least == diag.Normal {
		level = "warning"
	}
	m.start(level)
	m.line.Add(ucspi.IOD)
	m.line.Add(": ")
	m.line.Add(why)
	m.line.Add(what)
	if e != 0 {
		m.reason(e)
	}
	m.line.Add(": starting ")
	m.line.Add(m.of().Side.IO)
	m.print()
	return false
}

// verdict passes on the daemon's lines and gives the session's exit code.
func (m *memory) verdict() int {
	code := m.relay(false)
	if code < 0 {
		m.endNetwork()
		m.fail(diag.System, "the shared tunnel process ended before the session did", "", "")
	}
	if code != diag.OK && !diag.EndsSession(code) {
		m.endNetwork()
		m.failNumber(diag.TLS, "the shared tunnel process gave a session the exit code ", code, "")
	}
	return code
}

// relay passes on lines until there is an exit code, or -1 for an end without. At
// once: only what is there already.
func (m *memory) relay(atOnce bool) int {
	for {
		n, e := sys.Receive(m.link, shared.heard[:], atOnce)
		switch {
		case e != 0 || n == 0:
			return -1
		case shared.heard[0] == handover.KindLine:
			m.line.Relay(m.of().Side.IO, said(n))
			m.print()
		case shared.heard[0] == handover.KindEnd && n == 2:
			return int(shared.heard[1])
		}
	}
}

// said is what follows the kind of a message of n bytes.
func said(n int) string { return words.View(unsafe.Pointer(&shared.heard[1]), n-1) }
