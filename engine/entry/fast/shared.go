//go:build linux && (amd64 || arm64)

package fast

import (
	"syscall"
	"unsafe"

	"ucspitls/engine/diag"
	"ucspitls/engine/handover"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/words"
	"ucspitls/engine/wrap"
)

// shared is what a session needs that the process of TLS_IOD is to have. The
// protocol is explained in package handover; wrap/shared.go says what to do.
type shared struct {
	refused bool    // the line about it is out
	link    uintptr // the connection to the daemon once it has the session, or 0

	order   [maxItems]uint16 // the items of the configuration
	hello   message
	heard   [8192]byte // from the daemon
	address struct {
		family uint16
		path   [108]byte
	}
	limit  [2]int64 // struct timeval
	peer   syscall.Ucred
	length uint32
	stat   [2]syscall.Stat_t
	roles  [6]byte
	vector [2]uintptr // struct iovec
	rights struct {   // struct cmsghdr and its data
		length      uint64
		level, kind int32
		files       [5]int32
	}
	message struct { // struct msghdr
		name, nameLength       uintptr
		vector, vectors        uintptr
		control, controlLength uintptr
		flags                  uintptr
	}
}

const (
	network = 0 // of a server's side; 1 is its other direction
	noFD    = ^uintptr(0)
)

// handOver gives the session to the shared tunnel process, if TLS_IOD names
// one, and tells whether it has. The network is on 0 and 1; notify may be noFD.
func (m *memory) handOver(w *wrap.Program, fromProg, toProg, notify uintptr) bool {
	path := m.lookup(ucspi.IOD)
	if !w.Side.Server || path == "" {
		return false
	}
	m.sayHello(w)
	if !m.isSocket(0, network) || !m.isSocket(1, network+1) {
		return m.refuse(w, diag.Verbose, "the network is no socket", "", 0)
	}
	if m.hello.n > handover.MaxMessage {
		return m.refuse(w, diag.Normal, tooLong, "", 0)
	}
	fd, e := call(syscall.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if e != 0 {
		m.endNetwork(w)
		m.failSystem(w, "create a socket", e)
	}
	if !m.offer(w, fd, path) {
		closeFD(fd)
		return false
	}
	if e := m.send(fd, fromProg, toProg, notify); e != 0 {
		closeFD(fd)
		return m.refuse(w, diag.Normal, "not to be handed over: ", "", e)
	}
	m.link = fd
	return true
}

const tooLong = "the environment is too long to be handed over"

// offer asks the daemon on path, and tells whether it has said go.
func (m *memory) offer(w *wrap.Program, fd uintptr, path string) bool {
	m.patience(fd, syscall.SO_SNDTIMEO, handover.Patience)
	m.patience(fd, syscall.SO_RCVTIMEO, handover.Patience)
	switch e := m.connect(fd, path); e {
	case 0:
	case syscall.ENOENT, syscall.ECONNREFUSED:
		return m.refuse(w, diag.Verbose, "nobody listens on ", path, 0)
	case syscall.EAGAIN:
		return m.refuse(w, diag.Normal, path, " is overloaded", 0)
	case syscall.EINVAL:
		m.endNetwork(w)
		m.fail(w, diag.Usage, path, " is too long for a socket", "")
	default:
		m.endNetwork(w)
		m.failErrno(w, diag.System, "unable to connect to ", path, e)
	}
	m.length = uint32(unsafe.Sizeof(m.peer))
	if _, e := call5(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED, uintptr(unsafe.Pointer(&m.peer)), uintptr(unsafe.Pointer(&m.length))); e != 0 {
		m.endNetwork(w)
		m.failErrno(w, diag.System, "unable to see who listens on ", path, e)
	}
	if !m.trusts(m.peer.Uid) {
		m.endNetwork(w)
		m.line.Start(w.Table.Program, "fatal")
		m.line.Add("uid ")
		m.number(uint64(m.peer.Uid))
		m.line.Add(" listens on ")
		m.line.Add(path)
		m.line.Add(": not to be trusted with a connection")
		m.print()
		exit(diag.System)
	}
	_, e := call5(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&m.hello.b)), uintptr(m.hello.n), syscall.MSG_NOSIGNAL, 0)
	if e == syscall.EMSGSIZE {
		return m.refuse(w, diag.Normal, tooLong, "", 0)
	}
	n := 0
	if e == 0 {
		n, e = m.hear(fd, 256, 0)
		if e == syscall.EAGAIN {
			return m.refuse(w, diag.Normal, "no answer from ", path, 0)
		}
	}
	switch {
	case e != 0 || n == 0:
		return m.refuse(w, diag.Normal, "turned away at ", path, 0)
	case m.heard[0] == handover.KindGo:
		m.patience(fd, syscall.SO_RCVTIMEO, 0)
		return true
	case m.heard[0] == handover.KindDiffers:
		return m.refuse(w, diag.Normal, "the shared process was started with another ", m.said(n), 0)
	case m.heard[0] == handover.KindBusy:
		return m.refuse(w, diag.Normal, "the shared process is busy", "", 0)
	}
	return m.refuse(w, diag.Normal, "not understood by the shared process", "", 0)
}

func (m *memory) patience(fd, which uintptr, seconds int64) {
	m.limit[0] = seconds
	call5(syscall.SYS_SETSOCKOPT, fd, syscall.SOL_SOCKET, which, uintptr(unsafe.Pointer(&m.limit)), unsafe.Sizeof(m.limit))
}

// connect is syscall.Connect: a name that begins with @ is an abstract one.
func (m *memory) connect(fd uintptr, path string) syscall.Errno {
	length := 2 + len(path)
	if path[0] != '@' {
		length++ // its NUL
	}
	if length > int(unsafe.Sizeof(m.address)) {
		return syscall.EINVAL
	}
	m.address.family = syscall.AF_UNIX
	for i := 0; i < len(path); i++ {
		m.address.path[i] = path[i]
	}
	if path[0] == '@' {
		m.address.path[0] = 0
	}
	_, e := call(syscall.SYS_CONNECT, fd, uintptr(unsafe.Pointer(&m.address)), uintptr(length))
	return e
}

// trusts tells who may have our connections.
func (m *memory) trusts(uid uint32) bool {
	if own, _ := call(syscall.SYS_GETEUID, 0, 0, 0); uid == 0 || uintptr(uid) == own {
		return true
	}
	id, ok := words.Number(m.lookup(ucspi.UID))
	return ok && id == uid
}

// send hands the descriptors over. On an error nothing was sent.
func (m *memory) send(fd, fromProg, toProg, notify uintptr) syscall.Errno {
	m.roles[0] = handover.KindFiles
	n := 0
	if a, b := &m.stat[0], &m.stat[1]; a.Dev == b.Dev && a.Ino == b.Ino {
		n = m.give(n, handover.Network, network)
	} else {
		n = m.give(n, handover.NetworkIn, network)
		n = m.give(n, handover.NetworkOut, network+1)
	}
	n = m.give(n, handover.FromProg, fromProg)
	n = m.give(n, handover.ToProg, toProg)
	if notify != noFD {
		n = m.give(n, handover.Notify, notify)
	}
	m.rights.length = uint64(unsafe.Offsetof(m.rights.files)) + 4*uint64(n)
	m.rights.level, m.rights.kind = syscall.SOL_SOCKET, syscall.SCM_RIGHTS
	m.vector[0], m.vector[1] = uintptr(unsafe.Pointer(&m.roles)), uintptr(n)+1
	m.message.vector, m.message.vectors = uintptr(unsafe.Pointer(&m.vector)), 1
	m.message.control, m.message.controlLength = uintptr(unsafe.Pointer(&m.rights)), uintptr(m.rights.length)
	_, e := call(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&m.message)), syscall.MSG_NOSIGNAL)
	return e
}

func (m *memory) give(n int, role byte, fd uintptr) int {
	m.roles[n+1] = role
	m.rights.files[n] = int32(fd)
	return n + 1
}

// isSocket keeps what the system says about fd.
func (m *memory) isSocket(i int, fd uintptr) bool {
	_, e := call(syscall.SYS_FSTAT, fd, uintptr(unsafe.Pointer(&m.stat[i])), 0)
	return e == 0 && m.stat[i].Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

// refuse says why there is an -io for this session although TLS_IOD is set. It
// is false.
func (m *memory) refuse(w *wrap.Program, min uint32, why, what string, e syscall.Errno) bool {
	m.refused = true
	if m.Number(option.Verbosity) < min {
		return false
	}
	level := "info"
	if min == diag.Normal {
		level = "warning"
	}
	m.line.Start(w.Table.Program, level)
	m.line.Add(ucspi.IOD)
	m.line.Add(": ")
	m.line.Add(why)
	m.line.Add(what)
	if e != 0 {
		m.errno(e)
	}
	m.line.Add(": starting ")
	m.line.Add(w.Side.IO)
	m.print()
	return false
}

// verdict passes on the daemon's lines and gives the session's exit code.
func (m *memory) verdict(w *wrap.Program) int {
	code := m.relay(w, 0)
	if code < 0 {
		m.endNetwork(w)
		m.fail(w, diag.System, "the shared tunnel process ended before the session did", "", "")
	}
	if code != diag.OK && !diag.EndsSession(code) {
		m.endNetwork(w)
		m.failNumber(w, diag.TLS, wrap.StrangeCode, code)
	}
	return code
}

// relay passes on lines until there is an exit code, or -1 for an end without.
func (m *memory) relay(w *wrap.Program, flags uintptr) int {
	for {
		n, e := m.hear(m.link, len(m.heard), flags)
		switch {
		case e != 0 || n == 0:
			return -1
		case m.heard[0] == handover.KindLine:
			m.line.Relay(w.Side.IO, m.said(n))
			m.print()
		case m.heard[0] == handover.KindEnd && n == 2:
			return int(m.heard[1])
		}
	}
}

// hear takes one message of the daemon, of which at most size bytes count.
func (m *memory) hear(fd uintptr, size int, flags uintptr) (int, syscall.Errno) {
	n, e := call5(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&m.heard)), uintptr(size), flags, 0)
	return int(n), e
}

// said is what follows the kind of a message of n bytes.
func (m *memory) said(n int) string { return view(unsafe.Pointer(&m.heard[1]), n-1) }
