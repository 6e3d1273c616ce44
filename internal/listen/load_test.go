package listen

import (
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

// UCSPITLS_LOAD is the number of sequential connections; 2000 take 20 seconds.
func sequential(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("UCSPITLS_LOAD")); err == nil {
		return n
	}
	if testing.Short() {
		return 20
	}
	return 200
}

// Neither many connections one after the other nor many at a time leave a
// descriptor, a process, a thread or memory.
func TestLoad(t *testing.T) {
	t.Run("direct", func(t *testing.T) { load(t, "-H") })
	t.Run("looked up", func(t *testing.T) { load(t, "") })
}

func load(t *testing.T, opts string) {
	p := start(t, opts+" -v -c 200 -C 200", "sh", "-c", "read x; echo $x")
	resident := func() int { return proc.Memory(p.Pid, "VmRSS:") }
	one := func() {
		c, err := p.dial()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "hello\n")
		if b, _ := io.ReadAll(c); string(b) != "hello\n" {
			t.Errorf("got %q", b)
		}
	}
	together := func(n int) {
		var all sync.WaitGroup
		for range n {
			all.Go(one)
		}
		all.Wait()
	}
	// The first ones make the runtime grow to its size.
	together(20)
	quiet := func() {
		wait.Eventually(t, "the end of all children", func() bool { return len(proc.Children(p.Pid)) == 0 })
		wait.Eventually(t, "the status of none", func() bool {
			log := p.log()
			return strings.HasPrefix(log[strings.LastIndex(log, "status: "):], "status: 0/200")
		})
	}
	quiet()
	fds, rss := len(proc.Descriptors(p.Pid)), resident()

	n := sequential(t)
	var middle int
	for range 2 {
		middle = resident()
		begin := time.Now()
		for range n / 2 {
			one()
		}
		t.Logf("%d sequential connections: %v each, resident %d kB", n/2, time.Since(begin)/time.Duration(n/2), resident())
	}
	begin := time.Now()
	together(min(n, 200))
	t.Logf("%d concurrent connections: %v", min(n, 200), time.Since(begin))
	quiet()
	if after := len(proc.Descriptors(p.Pid)); after != fds {
		t.Errorf("descriptors: %d before, %d after", fds, after)
	}
	after := resident()
	t.Logf("resident: %d kB before, %d kB after", rss, after)
	// The collector's smallest heap is 4 MB. Once that is full nothing grows.
	if after > rss+8192 || n >= 2000 && after > middle+3072 {
		t.Errorf("resident: %d kB before, %d kB in the middle, %d kB after", rss, middle, after)
	}
}
