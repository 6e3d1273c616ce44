package handover

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucspitls/engine/diag"
)

// answering listens, and treats one connection as f does.
func answering(t *testing.T, f func(fd int)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(l, &syscall.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = syscall.Listen(l, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		n, _, err := syscall.Accept(l)
		if err != nil {
			return
		}
		f(n)
		syscall.Close(n)
	}()
	t.Cleanup(func() { syscall.Shutdown(l, syscall.SHUT_RDWR); <-done; syscall.Close(l) })
	return path
}

func hear(fd int) []byte {
	var b [4096]byte
	n, err := syscall.Read(fd, b[:])
	if err != nil || n <= 0 {
		return nil
	}
	return b[:n]
}

// TestRefusals: whatever a daemon answers but go, there is an -io, and never an
// error that ends the connection.
func TestRefusals(t *testing.T) {
	for answer, want := range map[string]string{
		"DKEYFILE": "the shared process was started with another KEYFILE", "B": "the shared process is busy",
		"X": "not understood by the shared process", "": "turned away",
	} {
		path := answering(t, func(fd int) {
			hear(fd)
			if answer != "" {
				syscall.Sendto(fd, []byte(answer), 0, nil)
			}
		})
		l, refusal, err := Offer(path, &full, nil)
		if l != nil || err != nil || refusal == nil || !strings.HasPrefix(strings.Join(refusal.Text, ""), want) || refusal.Level != diag.Normal {
			t.Errorf("%q: %v, %v, %v", answer, l, refusal, err)
		}
	}
	nobody := filepath.Join(t.TempDir(), "s")
	if _, refusal, err := Offer(nobody, &full, nil); err != nil || refusal == nil || refusal.Level != diag.Verbose {
		t.Errorf("nobody: %v, %v", refusal, err)
	}
	if _, refusal, err := Offer(nobody, &full, []string{strings.Repeat("x", MaxMessage)}); err != nil || refusal == nil {
		t.Errorf("too long: %v, %v", refusal, err)
	}
	stale := filepath.Join(t.TempDir(), "s")
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err == nil {
		err = syscall.Bind(l, &syscall.SockaddrUnix{Name: stale})
	}
	if err != nil {
		t.Fatal(err)
	}
	syscall.Close(l)
	if _, refusal, err := Offer(stale, &full, nil); err != nil || refusal == nil || refusal.Level != diag.Verbose {
		t.Errorf("stale: %v, %v", refusal, err)
	}
	for path, code := range map[string]int{strings.Repeat("x", 200): diag.Usage, os.Args[0]: 0, "/dev/null/s": diag.System} {
		_, refusal, err := Offer(path, &full, nil)
		e, _ := errors.AsType[*diag.Error](err)
		if code == 0 && refusal == nil || code != 0 && (e == nil || e.Code != code) {
			t.Errorf("%.20s: %v, %v", path, refusal, err)
		}
	}
}

// TestLink: descriptors arrive with their roles, lines and the code come back;
// a daemon that ends without a code is told from one that says 0.
func TestLink(t *testing.T) {
	for _, ends := range []bool{true, false} {
		type files struct {
			Files
			ok bool
		}
		arrived := make(chan files, 1)
		path := answering(t, func(fd int) {
			hear(fd)
			syscall.Sendto(fd, Go, 0, nil)
			var message, rights [256]byte
			n, oobn, _, _, err := syscall.Recvmsg(fd, message[:], rights[:], 0)
			if err != nil {
				return
			}
			scm, err := syscall.ParseSocketControlMessage(rights[:oobn])
			if err != nil {
				return
			}
			fds, _ := syscall.ParseUnixRights(&scm[0])
			got, ok := ParseFiles(message[:n], fds)
			arrived <- files{got, ok}
			for _, n := range fds {
				syscall.Close(n)
			}
			syscall.Sendto(fd, Line("info: one"), 0, nil)
			syscall.Sendto(fd, Line("fatal: two"), 0, nil)
			if ends {
				syscall.Sendto(fd, End(98), 0, nil)
			}
		})
		l, refusal, err := Offer(path, &full, []string{"A=1"})
		if err != nil || refusal != nil {
			t.Fatal(refusal, err)
		}
		if err := l.Send(Files{0, 0, 1, 2, 2}); err != nil {
			t.Fatal(err)
		}
		var lines []string
		code, said := l.Wait(func(s string) { lines = append(lines, s) })
		if said != ends || ends && code != 98 || strings.Join(lines, "|") != "info: one|fatal: two" {
			t.Errorf("%d, %v, %q", code, said, lines)
		}
		l.Close()
		if got := <-arrived; !got.ok || got.NetIn != got.NetOut || got.Notify < 0 {
			t.Errorf("%+v", got)
		}
	}
}
