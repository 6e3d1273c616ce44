//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// runtimeWorks does what the runtime does late: threads, timers, its poller,
// collections, memory taken and given back, stacks that grow, a fault that is
// recovered from.
func runtimeWorks() {
	enter(Tunnel)
	runtime.GOMAXPROCS(4)
	time.Sleep(15 * time.Millisecond) // alone: the monitor thread goes to sleep, and is woken
	sum := make(chan int)
	for i := range 20 {
		go func() {
			runtime.LockOSThread()
			b := make([]byte, 1<<20)
			b[i] = 1
			var deep func(n int, room [256]byte) int
			deep = func(n int, room [256]byte) int {
				if n == 0 {
					return len(room)
				}
				return deep(n-1, room)
			}
			time.Sleep(time.Millisecond)
			sum <- len(b) + deep(1000, [256]byte{})
		}()
	}
	total := 0
	for range 20 {
		total += <-sum
	}
	runtime.GC()
	debug.FreeOSMemory()
	func() {
		defer func() {
			if recover() == nil {
				fmt.Println("no panic")
			}
		}()
		var p *int
		*p = 1
	}()
	for i := 0; i < 1<<22; i++ { // is preempted by a signal
		total += i & 1
	}
	<-time.After(20 * time.Millisecond)
	if _, err := os.Open("/etc/localtime"); !errors.Is(err, unix.EPERM) {
		fmt.Println(err)
	}
	fmt.Println(total, time.Unix(0, 0).Format(time.RFC3339))
}

func TestTheRuntimeWorks(t *testing.T) {
	if refused == kill {
		t.Skip("with strictsandbox it dies when it tries to open a file")
	}
	out, err := play(t, "runtime")
	if want := fmt.Sprintf("%d 1970-01-01T00:00:00Z\n", 20*(1<<20+256)+1<<21); err != nil || out != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}

// A fault ends the process as ever, not in a hang.
func TestPanic(t *testing.T) {
	out, err := play(t, "panic")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(out, "nil pointer") {
		t.Errorf("%v, %q", err, out)
	}
}
