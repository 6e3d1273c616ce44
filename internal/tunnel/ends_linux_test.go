package tunnel

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLoopForgetsTheDead: however a task ends, its descriptors are closed and no
// more in the loop's set, also when somebody else holds what they stand for.
func TestLoopForgetsTheDead(t *testing.T) {
	for _, tt := range []struct {
		name    string
		o       options
		actions string
		panics  bool
	}{
		{"fin", options{}, "read hello closeW fin", false},
		{"close_notify", options{}, "read hello cn closeW fin", false},
		{"reset", options{}, "read hello d5 pause50 rst", false},
		{"bad record", options{}, "read hello bad", false},
		{"truncated", options{}, "read hello cut", false},
		{"-J", options{enforce: true}, "read hello fin", false},
		{"alert", options{}, "read hello alert", false},
		{"the peer stays", options{}, "hello w5 closeW closeR read", false}, // a read that waits would hold up closeR
		{"handshake failed", options{}, "read bad", false},
		{"-K", options{handshake: 50 * time.Millisecond}, "read", false},
		{"idle", options{idle: 50 * time.Millisecond}, "read hello", false},
		{"the peer takes nothing", options{linger: 100 * time.Millisecond}, "hello w60000 exit", false},
		{"a panic", options{}, "read hello pause50 d5", true},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			l := newLoop(t)
			task := make(chan *loopTask, 1)
			held := make(chan []int, 1)
			var closing *closer
			b := newBench(t, tt.o, 4000, driver{"epoll", &l.Pool, testClock, func(tun *Tunnel, fds FDs, c *closer) error {
				closing = c
				lt := &loopTask{Tunnel: tun, result: make(chan error, 1), panics: tt.panics}
				var dups []int // prog and others hold all of it
				for _, n := range []int{fds.NetIn, fds.LocalIn, fds.LocalOut, fds.Notify} {
					d, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0)
					if err != nil {
						t.Error(err)
					}
					dups = append(dups, d)
				}
				held <- dups
				task <- lt
				l.Do(func() { closing.f = l.Add(lt, fds, -1).Close })
				return <-lt.result
			}})
			dups := <-held
			defer func() {
				for _, d := range dups {
					unix.Close(d)
				}
			}()
			<-task
			for _, a := range strings.Fields(tt.actions) {
				b.do(a)
			}
			select {
			case <-b.result:
			case <-time.After(20 * time.Second):
				t.Fatal("never ends")
			}
			// Everything of it that a later event could concern is gone.
			empty := make(chan string)
			l.Do(func() { empty <- watchedBy(l.epoll, l.wake) })
			if left := <-empty; left != "" || l.Count() != 0 {
				t.Errorf("%d tasks, it still watches\n%s", l.Count(), left)
			}
			b.progW.Close()
			b.progR.Close()
		})
	}
}

// watchedBy is what an epoll set has besides one descriptor.
func watchedBy(epoll, besides int) string {
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", epoll))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for line := range strings.Lines(string(info)) {
		if word, ok := strings.CutPrefix(line, "tfd:"); ok && strings.Fields(word)[0] != strconv.Itoa(besides) {
			b.WriteString(line)
		}
	}
	return b.String()
}
