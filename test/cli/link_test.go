//go:build linux

package cli

import (
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"ucspitls/internal/handover"
	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	wordlist "ucspitls/internal/words"
)

// firstMessage is that message of a wrapper.
func firstMessage(t testing.TB, s handover.Session, env []string) []byte {
	args := []string{"-v" + strconv.Itoa(int(s.Verbosity)), "-K" + strconv.Itoa(int(s.Timeout))}
	for word, on := range map[string]bool{"-S": s.CloseNotify, "-J": s.Enforce} {
		if on {
			args = append(args, word)
		}
	}
	settings, _, err := option.TLSD.Parse(append(args, "prog"))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := strconv.ParseUint(s.ID, 10, 32)
	about := wordlist.Of([]string{"TCPREMOTEIP=" + s.Remote, ucspi.IdleTimeout + "=" + s.Idle, ucspi.Linger + "=" + s.Linger})
	var h handover.Hello
	h.Begin(settings, &about, id, s.Delayed)
	return append(h.Bytes(), handover.Configuration(settings, env)...)
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
