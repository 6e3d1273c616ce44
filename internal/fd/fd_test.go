//go:build linux

package fd

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain: the test binary plays a process that closes what it inherited.
func TestMain(m *testing.M) {
	switch os.Getenv("FD_TEST") {
	case "from":
		CloseFrom(5)
		list()
	case "but":
		CloseAllBut(0, 1, 2, 9, 4, 4, 70000)
		list()
	case "poller":
		// Without its poller's descriptors the runtime dies once it polls.
		CloseFrom(5)
		os.Stdin.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := os.Stdin.Read(make([]byte, 1)); !os.IsTimeout(err) {
			os.Stdout.WriteString(err.Error())
		}
		list()
	case "slow":
		table = "/nonexistent"
		CloseAllBut(4, 9)
		list()
	default:
		os.Exit(m.Run())
	}
}

// list prints which of the first descriptors are open.
func list() {
	for n := range 20 {
		if Open(n) {
			os.Stdout.WriteString(string(rune('a' + n)))
		}
	}
}

func TestClose(t *testing.T) {
	// m and n are the runtime's own.
	for mode, want := range map[string]string{"from": "abcde", "but": "abcej", "slow": "abcej", "poller": "abcdemn"} {
		cmd := exec.Command(os.Args[0])
		if mode == "poller" {
			r, w, err := Pipe()
			if err != nil {
				t.Fatal(err)
			}
			syscall.SetNonblock(r, true)
			stdin := os.NewFile(uintptr(r), "stdin")
			defer stdin.Close()
			defer syscall.Close(w)
			cmd.Stdin = stdin
		}
		cmd.Env = append(os.Environ(), "FD_TEST="+mode)
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		for range 9 { // 3 to 11
			cmd.ExtraFiles = append(cmd.ExtraFiles, null)
		}
		out, err := cmd.Output()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: open are %q (%v), want %q", mode, out, err, want)
		}
	}
}

// TestCloseReceiver: whatever was sent to it, the other end reads a clean EOF
// behind what it was sent itself.
func TestCloseReceiver(t *testing.T) {
	a, b, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(a)
	syscall.Write(a, []byte("Y and more than one byte"))
	syscall.Write(b, []byte("blob"))
	CloseReceiver(b)
	var buf [10]byte
	n, err := ReadFull(a, buf[:])
	if n != 4 || err != nil {
		t.Errorf("%d bytes, then %v", n, err)
	}
}

func TestMove(t *testing.T) {
	r, w, err := Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(r)
	const to = 77
	if err := Move(w, to); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(to)
	syscall.Close(w)
	if flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, to, syscall.F_GETFD, 0); flags&syscall.FD_CLOEXEC != 0 {
		t.Error("a moved descriptor is close-on-exec")
	}
	if err := Move(r, r); err != nil {
		t.Fatal(err)
	}
	if flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(r), syscall.F_GETFD, 0); flags&syscall.FD_CLOEXEC != 0 {
		t.Error("a descriptor that stays is close-on-exec")
	}
}
