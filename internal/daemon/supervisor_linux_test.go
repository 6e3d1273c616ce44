package daemon

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/fd"
)

// What a worker that somebody has taken over may say to its supervisor, and
// whether that is its end. What it says by then is passed on.
func TestHostileWorker(t *testing.T) {
	for _, c := range []struct {
		name, says string
		hangUp     bool   // it closes its end of the channel, and lives on
		heard      string // what is passed on, a letter each
		killed     bool
	}{
		{"ready", "r", false, "r", false},
		{"ready and full", "rf", false, "rf", false},
		{"full before it is ready", "f", false, "f", false},
		{"ready twice", "rr", false, "", true},
		{"a byte that means nothing", "rx", false, "", true},
		{"zero", "\x00", false, "", true},
		{"a line", "GET / HTTP/1.0\r\n", false, "", true},
		{"full without end", strings.Repeat("f", 100000), false, "", true},
		{"a flood of nonsense", strings.Repeat("\xff", 100000), false, "", true},
		{"nothing, and no channel", "", true, "", true},
		{"ready, and no channel", "r", true, "r", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, w, theirs := watched(t)
			go func() {
				for rest := []byte(c.says); len(rest) > 0; {
					n, err := unix.Write(theirs, rest)
					if err != nil {
						return // it was hung up on
					}
					rest = rest[n:]
				}
				if c.hangUp {
					unix.Shutdown(theirs, unix.SHUT_RDWR)
				}
			}()
			heard, ended := "", false
			for !ended && (c.killed || heard != c.heard) {
				select {
				case <-v.ready:
					heard += "r"
				case <-v.full:
					heard += "f"
				case <-v.ended:
					ended = true
				case <-time.After(20 * time.Second):
					t.Fatalf("heard %q, and it lives on", heard)
				}
			}
			if strings.Contains(c.name, "without end") {
				heard = "" // none, or one that was read before the rest came
			}
			if heard != c.heard || ended != c.killed || ended && w.status.Signal() != syscall.SIGKILL {
				t.Errorf("heard %q, ended: %v, %v", heard, ended, w.status)
			}
		})
	}
}

// watched is a supervisor that watches a worker, which is a program that only
// sleeps, and the worker's end of their channel.
func watched(t *testing.T) (*supervisor, *child, int) {
	t.Helper()
	ours, theirs, err := fd.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	v := &supervisor{ready: make(chan *child), full: make(chan *child), ended: make(chan *child)}
	w := &child{pid: p.Pid, control: ours}
	watching := make(chan bool)
	go func() { v.watch(w); close(watching) }()
	t.Cleanup(func() {
		p.Kill()
		unix.Close(theirs)
		for over := false; !over; { // before it is, the number of ours may not be another's
			select {
			case <-v.ready:
			case <-v.full:
			case <-v.ended:
			case <-watching:
				over = true
			}
		}
		unix.Close(ours)
	})
	return v, w, theirs
}
