//go:build linux

package cli

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ucspitls/internal/handover"
)

// TestLinesOfASharedProcess: what a shared process that was taken over says
// through a wrapper. Each message is one line of s6-tlsd-io.
func TestLinesOfASharedProcess(t *testing.T) {
	chainOnly(t, "the test is the shared process")
	t.Parallel()
	said := []string{"", "fatal", "fatal: ", forgedLine, "s6-tlsd: fatal: x", "panic: x", "info: fine"}
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		for _, level := range []string{"", "info: ", "fatal: ", "s6-tlsserver: info: "} {
			said = append(said, level+hostile[name])
		}
	}
	for _, program := range servers {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(socketDir(t, nil), "s")
			done := make(chan error, 1)
			l := listenFor(t, path)
			go func() { done <- sayAll(l, said) }()
			x := serve(t, program, nil, "TLS_IOD="+path)
			if delayed(program) {
				a := x.stage.app()
				a.write(a.ctl, "y")
				a.expectWait(98)
				a.exit(0)
			} else if code := x.code(); code != 98 {
				t.Errorf("exit code %d", code)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			n := 0
			for line := range strings.Lines(x.stderr()) {
				n++
				if levelOf(t, line); !strings.HasPrefix(line, "s6-tlsd-io: ") {
					t.Errorf("%q", line)
				}
			}
			if n != len(said) {
				t.Errorf("%d lines of %d messages", n, len(said))
			}
		})
	}
}

func listenFor(t *testing.T, path string) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = syscall.Listen(fd, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Shutdown(fd, syscall.SHUT_RDWR); syscall.Close(fd) })
	return fd
}

// sayAll takes one session, whose lines are these, and ends it with 98.
func sayAll(l int, said []string) error {
	n, _, err := syscall.Accept4(l, syscall.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	defer syscall.Close(n)
	hello, rights := make([]byte, handover.MaxMessage), make([]byte, 256)
	if _, err = syscall.Read(n, hello); err == nil {
		_, err = syscall.Write(n, handover.Go)
	}
	if err != nil {
		return err
	}
	_, oobn, _, _, err := syscall.Recvmsg(n, hello, rights, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err
	}
	control, _ := syscall.ParseSocketControlMessage(rights[:oobn])
	for i := range control {
		fds, _ := syscall.ParseUnixRights(&control[i])
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
	for _, s := range said {
		if _, err := syscall.Write(n, handover.Line(s)); err != nil {
			return err
		}
	}
	_, err = syscall.Write(n, handover.End(98))
	return err
}
