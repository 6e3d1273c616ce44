//go:build linux

package cli

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

// Half-open handshakes: each costs processes of bounded size, and they go
// when the peers do, or -K ends them. UCSPITLS_HALFOPEN is how many at once:
// 500 in CI, 2,000 in make ci-long, which are some 20,000 tasks.
func TestSlowLoris(t *testing.T) {
	n := 60
	if v, err := strconv.Atoi(os.Getenv("UCSPITLS_HALFOPEN")); err == nil {
		n = v
	}
	t.Run("the peers go", func(t *testing.T) { halfOpen(t, n, 0) })
	t.Run("-K", func(t *testing.T) { halfOpen(t, 50, 3000) })
}

func halfOpen(t *testing.T, n, timeout int) {
	env, _ := material(t)
	r, w := pipe(t)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	server := start(t, spec{program: "s6-tlsserver", args: []string{"-1", "-q", "-H", "-c", strconv.Itoa(n + 10), "-C", strconv.Itoa(n + 10),
		"-K", strconv.Itoa(timeout), "--", "127.0.0.1", "0", "true"}, env: env, files: map[int]*os.File{0: null, 1: w}})
	buf := make([]byte, 16)
	k, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimSpace(string(buf[:k]))
	hello := recordedHello(t)
	conns := make([]net.Conn, n)
	var all sync.WaitGroup
	for i := range conns {
		c, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
		c.Write(hello[:i%len(hello)]) // each at another place
		all.Go(func() {
			c.SetReadDeadline(time.Now().Add(8 * patience))
			for b := make([]byte, 4096); ; {
				if _, err := c.Read(b); err != nil {
					if ne, ok := err.(net.Error); ok && ne.Timeout() {
						t.Error("a half-open connection was not freed")
					}
					return
				}
			}
		})
	}
	worst := 0
	if timeout == 0 && !wait.Until(4*patience, func() bool { return len(children(server.pid)) >= n }) {
		t.Fatalf("only %d of %d connections are served", len(children(server.pid)), n)
	}
	for i, wrapper := range children(server.pid) {
		if i%20 != 0 {
			continue
		}
		for _, pid := range append(children(wrapper), wrapper) {
			worst = max(worst, proc.Memory(pid, "VmRSS:"))
		}
	}
	if worst == 0 && timeout == 0 || worst > 40<<10 {
		t.Errorf("a process that waits takes %d kB", worst)
	}
	if timeout == 0 {
		for _, c := range conns {
			c.Close()
		}
	}
	all.Wait()
	eventually(t, "the end of all tunnels", func() bool { return len(children(server.pid)) == 0 })
	c := handshake(t, dialTap(t, "127.0.0.1:"+port), tls13)
	c.Close()
	syscall.Kill(server.pid, syscall.SIGTERM)
	if code := server.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	out := server.stderr()
	if strings.Contains(out, "goroutine") || strings.Contains(out, "internal") {
		t.Errorf("stderr %q", abbreviate(out))
	}
	t.Logf("%d half-open handshakes, the largest process %d kB", n, worst)
}

// recordedHello is the ClientHello of crypto/tls.
func recordedHello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	go client(t, a).Handshake()
	buf := make([]byte, 4096)
	n, err := b.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// maxResident is far more than a tunnel needs, in kB.
const maxResident = 128 << 10

// staysSmall watches p and its children, and complains of one that takes more
// than maxResident. The ru_maxrss of a process that was made with vfork begins
// with its maker's, which is this test.
func (p *process) staysSmall(t *testing.T) {
	most := make(chan int, 1)
	go func() {
		peak := 0
		for {
			for _, pid := range append(children(p.pid), p.pid) {
				peak = max(peak, proc.Memory(pid, "VmHWM:"))
			}
			select {
			case <-p.ended:
				most <- peak
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case used := <-most:
			if used > maxResident {
				t.Errorf("it took %d kB", used)
			}
		case <-time.After(patience):
		}
	})
}
