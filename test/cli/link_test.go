package cli

import (
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"ucspitls/internal/handover"
	"ucspitls/internal/option"
)

// firstMessage is that message of a wrapper.
func firstMessage(t testing.TB, s handover.Session, env []string) []byte {
	settings, _, err := option.TLSD.Parse([]string{"prog"})
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{handover.KindHello, handover.Version}
	item := func(name, value string) {
		if value != "" && value != "0" && value != "false" {
			b = append(b, name+"="+value+"\x00"...)
		}
	}
	flag := func(name string, on bool) {
		if on {
			item(name, "1")
		}
	}
	item("id", s.ID)
	item("remote", s.Remote)
	item("-v", strconv.Itoa(int(s.Verbosity)))
	flag("-S", s.CloseNotify)
	flag("-J", s.Enforce)
	item("-K", strconv.Itoa(int(s.Timeout)))
	item("idle", s.Idle)
	item("linger", s.Linger)
	flag("delayed", s.Delayed)
	return append(append(b, 0), handover.Configuration(settings, env)...)
}

// A link is a test's connection to a daemon that has said go: the wrapper's end.
type link struct {
	fd    int
	close sync.Once
}

// offer connects, and waits for the daemon's answer.
func offer(t testing.TB, path string, s handover.Session, env []string) (*link, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	l := &link{fd: fd}
	limit := syscall.NsecToTimeval(5e9)
	syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	if err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err == nil {
		err = syscall.Sendmsg(fd, firstMessage(t, s, env), nil, nil, syscall.MSG_NOSIGNAL)
	}
	answer := make([]byte, 256)
	n := 0
	if err == nil {
		n, err = l.receive(answer)
	}
	if err == nil && string(answer[:n]) != string(handover.Go) {
		err = fmt.Errorf("the daemon said %q", answer[:n])
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	limit = syscall.Timeval{}
	syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	return l, nil
}

func (l *link) receive(b []byte) (n int, err error) {
	for {
		if n, _, err = syscall.Recvfrom(l.fd, b, 0); err != syscall.EINTR {
			return n, err
		}
	}
}

// Send hands over the network, prog's pipes and the descriptor for the blob.
func (l *link) Send(network, fromProg, toProg, notify int) error {
	roles := []byte{handover.KindFiles, handover.Network, handover.FromProg, handover.ToProg, handover.Notify}
	return syscall.Sendmsg(l.fd, roles, syscall.UnixRights(network, fromProg, toProg, notify), nil, syscall.MSG_NOSIGNAL)
}

// Wait hears lines, and gives the exit code if the daemon says one.
func (l *link) Wait(line func(string)) (code int, ok bool) {
	b := make([]byte, 8192)
	for {
		n, err := l.receive(b)
		switch {
		case err != nil || n <= 0:
			return 0, false
		case b[0] == handover.KindLine:
			line(string(b[1:n]))
		case b[0] == handover.KindEnd && n == 2:
			return int(b[1]), true
		}
	}
}

func (l *link) Close() { l.close.Do(func() { syscall.Close(l.fd) }) }
