package handover

import (
	"syscall"

	"ucspitls/engine/diag"
)

// Patience is how long, in seconds, the daemon may take to say go: it answers
// from memory. One that is being restarted has its socket open meanwhile.
const Patience = 5

// A Refusal is why there is no hand-over; the wrapper starts its own -io. It
// is worth a line from Level on.
type Refusal struct {
	Level uint
	Text  []string // the parts of the line
}

func refused(level uint, text ...string) *Refusal { return &Refusal{level, text} }

var tooLong = refused(diag.Normal, "the environment is too long to be handed over")

// A Link is the connection to a daemon that has said go.
type Link struct{ fd int }

// Offer asks the daemon that listens on path to take a session. The daemon
// must run as root, as this process or as one of trusted: a descriptor is
// handed to nobody else, and that somebody else sits there is an error. The
// link is nil if there is a refusal.
func Offer(path string, s *Session, configuration []string, trusted ...uint32) (*Link, *Refusal, error) {
	hello := AppendHello(make([]byte, 0, 1024), s, configuration)
	if len(hello) > MaxMessage {
		return nil, tooLong, nil
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, diag.FailSys("create a socket", err)
	}
	l := &Link{fd}
	refusal, err := l.offer(path, hello, trusted)
	if refusal != nil || err != nil {
		l.Close()
		return nil, refusal, err
	}
	return l, nil, nil
}

func (l *Link) offer(path string, hello []byte, trusted []uint32) (*Refusal, error) {
	limit := syscall.Timeval{Sec: Patience}
	syscall.SetsockoptTimeval(l.fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit)
	syscall.SetsockoptTimeval(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	at := &syscall.SockaddrUnix{Name: path}
	err := retry(func() error { return syscall.Connect(l.fd, at) })
	switch err {
	case nil:
	case syscall.ENOENT, syscall.ECONNREFUSED:
		return refused(diag.Verbose, "nobody listens on ", path), nil
	case syscall.EAGAIN:
		return refused(diag.Normal, path, " is overloaded"), nil
	case syscall.EINVAL:
		return nil, diag.Fail(diag.Usage, path, " is too long for a socket")
	default:
		return nil, diag.FailSys("connect to "+path, err)
	}
	peer, err := syscall.GetsockoptUcred(l.fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return nil, diag.FailSys("see who listens on "+path, err)
	}
	if !trusts(peer.Uid, trusted) {
		return nil, diag.Fail(diag.System, "uid ", diag.Uint(uint64(peer.Uid)), " listens on ", path, ": not to be trusted with a connection")
	}
	turnedAway := refused(diag.Normal, "turned away at ", path)
	switch err := retry(func() error { return syscall.Sendmsg(l.fd, hello, nil, nil, syscall.MSG_NOSIGNAL) }); err {
	case nil:
	case syscall.EMSGSIZE:
		return tooLong, nil
	default:
		return turnedAway, nil
	}
	var answer [256]byte
	n, err := l.receive(answer[:], 0)
	switch {
	case err == syscall.EAGAIN:
		return refused(diag.Normal, "no answer from ", path), nil
	case err != nil || n == 0:
		return turnedAway, nil
	case answer[0] == KindGo:
		limit = syscall.Timeval{}
		syscall.SetsockoptTimeval(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
		return nil, nil
	case answer[0] == KindDiffers:
		return refused(diag.Normal, "the shared process was started with another ", string(answer[1:n])), nil
	case answer[0] == KindBusy:
		return refused(diag.Normal, "the shared process is busy"), nil
	}
	return refused(diag.Normal, "not understood by the shared process"), nil
}

func trusts(uid uint32, trusted []uint32) bool {
	if uid == 0 || uid == uint32(syscall.Geteuid()) {
		return true
	}
	for _, id := range trusted {
		if id == uid {
			return true
		}
	}
	return false
}

// Send hands the descriptors over. On an error nothing was sent.
func (l *Link) Send(f Files) error {
	message := make([]byte, 0, 8)
	fds := make([]int, 0, 8)
	add := func(role byte, fd int) {
		message, fds = append(message, role), append(fds, fd)
	}
	message = append(message, KindFiles)
	if sameFile(f.NetIn, f.NetOut) {
		add(Network, f.NetIn)
	} else {
		add(NetworkIn, f.NetIn)
		add(NetworkOut, f.NetOut)
	}
	add(FromProg, f.FromProg)
	add(ToProg, f.ToProg)
	if f.Notify >= 0 {
		add(Notify, f.Notify)
	}
	rights := syscall.UnixRights(fds...)
	return retry(func() error { return syscall.Sendmsg(l.fd, message, rights, nil, syscall.MSG_NOSIGNAL) })
}

// sameFile tells that two descriptors are one socket.
func sameFile(a, b int) bool {
	var sa, sb syscall.Stat_t
	return syscall.Fstat(a, &sa) == nil && syscall.Fstat(b, &sb) == nil && sa.Dev == sb.Dev && sa.Ino == sb.Ino
}

// Wait passes on the daemon's lines and gives the session's exit code. ok is
// false if the daemon went before it said one.
func (l *Link) Wait(line func(string)) (code int, ok bool) { return l.relay(line, 0) }

// Drain passes on the lines that are there already.
func (l *Link) Drain(line func(string)) { l.relay(line, syscall.MSG_DONTWAIT) }

func (l *Link) relay(line func(string), flags int) (code int, ok bool) {
	var buf [8192]byte
	for {
		n, err := l.receive(buf[:], flags)
		if n <= 0 || err != nil {
			return 0, false
		}
		switch {
		case buf[0] == KindLine:
			line(string(buf[1:n]))
		case buf[0] == KindEnd && n == 2:
			return int(buf[1]), true
		}
	}
}

func (l *Link) receive(p []byte, flags int) (n int, err error) {
	err = retry(func() error {
		n, _, err = syscall.Recvfrom(l.fd, p, flags)
		return err
	})
	return n, err
}

// Close closes the connection.
func (l *Link) Close() { syscall.Close(l.fd) }

func retry(f func() error) error {
	for {
		if err := f(); err != syscall.EINTR {
			return err
		}
	}
}
