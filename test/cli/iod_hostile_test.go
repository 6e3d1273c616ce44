//go:build linux

package cli

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/handover"
	"ucspitls/test/need"
)

// What a client of the shared process can do to it, and what becomes of a client it can't serve.

// TestSharedHostile: a local client that may connect, and does not behave,
// takes nothing with it.
func TestSharedHostile(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before := held(worker)
	hello := firstMessage(t, handover.Session{ID: "7"}, env)
	regular, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	pair := func(kind int) [2]int {
		p, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(p[0]); syscall.Close(p[1]) })
		return p
	}
	r, w, err := ownPipe(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(epoll)
	stream, datagram := pair(syscall.SOCK_STREAM), pair(syscall.SOCK_DGRAM)
	rd, wr := int(r.Fd()), int(w.Fd())
	type message struct {
		text string
		fds  []int
	}
	many := make([]int, 60)
	for i := range many {
		many[i] = rd
	}
	for i, c := range []struct {
		messages []message
		end      string // what the daemon says behind go; "" if it hangs up without a word
	}{
		{[]message{{"", nil}}, ""},
		{[]message{{"garbage", nil}}, ""},
		{[]message{{string(hello[:len(hello)/2]), nil}}, ""},
		{[]message{{strings.Repeat("H\x01", 50000), nil}}, ""},
		{[]message{{string(hello), many}, {"Fnrw", []int{stream[0], rd, wr}}}, "ok"}, // those of the hello are dropped
		{[]message{{string(hello), nil}, {"Fnrw", nil}}, "not understood"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], rd}}}, "not understood"},
		{[]message{{string(hello), nil}, {"Fnrw", many}}, "not understood"},
		{[]message{{string(hello), nil}, {"F" + strings.Repeat("n", 60), many}}, "not understood"},
		{[]message{{string(hello), nil}, {strings.Repeat("F", 9000), []int{rd, rd}}}, "not understood"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{rd, rd, wr}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{datagram[0], rd, wr}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], int(regular.Fd()), wr}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], rd, int(dir.Fd())}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrwd", []int{stream[0], rd, wr, epoll}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], wr, rd}}}, "ok"}, // the wrong way round: its own loss
		{[]message{{string(hello), nil}, {"Fnrwd", []int{stream[0], stream[0], stream[0], stream[0]}}}, "ok"},
		{[]message{{string(hello), nil}, {string(hello), nil}}, "not understood"},
	} {
		n := dialPacket(t, d.path)
		for _, m := range c.messages {
			var rights []byte
			if m.fds != nil {
				rights = syscall.UnixRights(m.fds...)
			}
			syscall.Sendmsg(n, []byte(m.text), rights, nil, syscall.MSG_NOSIGNAL)
		}
		said := "|"
		for {
			var b [4096]byte
			m, _, err := syscall.Recvfrom(n, b[:], 0)
			if err == syscall.EINTR { // with a time limit it is not restarted
				continue
			}
			if m <= 0 || err != nil {
				break
			}
			said += string(b[:m]) + "|"
			if c.end == "ok" && strings.Contains(said, "|G|") {
				break
			}
		}
		syscall.Close(n)
		if c.end != "" && c.end != "ok" && !strings.Contains(said, c.end) || c.end == "ok" && !strings.Contains(said, "|G|") || c.end == "" && (strings.Contains(said, "|G") || strings.Contains(said, "|E")) {
			t.Errorf("%d: it said %q", i, said)
		}
	}
	// Silent ones are many, and are hung up on; others still have their turn.
	var silent []int
	for range 300 {
		silent = append(silent, dialPacket(t, d.path))
	}
	half := dialPacket(t, d.path)
	syscall.Sendto(half, hello, 0, nil)
	x, a, c := through(t, "s6-tlsd", nil, env)
	chats(t, a, c)
	if log := x.written(); log != "" && !strings.Contains(log, "no answer") {
		t.Errorf("stderr %q", log)
	}
	a.exit(0)
	c.Close()
	x.code()
	for _, n := range append(silent, half) {
		syscall.Recvfrom(n, make([]byte, 100), 0)
		syscall.Close(n)
	}
	eventuallyHeld(t, worker, before)
	syscall.Kill(d.pid, syscall.SIGTERM)
	d.code()
}

func dialPacket(t *testing.T, path string) int {
	t.Helper()
	n, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		syscall.SetsockoptTimeval(n, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 10})
		err = syscall.Connect(n, &syscall.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSharedDeserted: the end of the waiting process is the end of its session.
func TestSharedDeserted(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP} {
		x, a, c := through(t, "s6-ucspitlsd", nil, env)
		waiting := 0
		for _, n := range children(x.pid) {
			waiting = n
		}
		syscall.Kill(waiting, signal)
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the peer read something")
		}
		a.expectEnd(a.rd, "")
		a.expectFault(1, "broken pipe")
		a.expectWait(128 + int(signal))
		a.exit(0)
		x.expect(0, "")
	}
	expectLine(t, d.stop(), "")
}

// listening counts the workers that do.
func (d *daemon) listening() (n int) {
	const listener = 3
	ofSupervisor := slices.Collect(maps.Values(descriptors(d.pid)))
	for _, pid := range children(d.pid) {
		if slices.Contains(ofSupervisor, descriptors(pid)[listener]) {
			n++
		}
	}
	return n
}

// TestSharedBusy: a worker without room for a session says so, and the wrapper
// serves itself; another worker takes its place meanwhile, and each serves what
// it has.
func TestSharedBusy(t *testing.T) {
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	env, _ := material(t)
	sh := need.Program(t, "sh", "dash")
	path := filepath.Join(socketDir(t, nil), "s")
	d := &daemon{path: path, process: start(t, spec{program: sh, args: []string{"-c", `ulimit -n 333 && exec "$0" -v2 -d1 "$1"`, filepath.Join(bin, "s6-tlsd-iod"), path}, env: env,
		files: map[int]*os.File{0: devNull(t)}, stdout: true})}
	if !d.ready() {
		t.Fatal("not ready")
	}
	env = append(env, "TLS_IOD="+path)
	var sessions []func()
	var busy []int
	for i := range 8 {
		eventually(t, "another worker", func() bool { return strings.Count(d.written(), " serves ") == 1+len(busy) })
		// A full one may still take a connection until it hears of it.
		eventually(t, "the full worker to stop listening", func() bool { return d.listening() <= 1 })
		x, a, c := through(t, "s6-ucspitlsd", nil, env)
		line := ""
		if own(x.pid) {
			busy = append(busy, i)
			line = "s6-ucspitlsd: warning: TLS_IOD: the shared process is busy: starting s6-tlsd-io"
		}
		sessions = append(sessions, func() {
			chats(t, a, c)
			a.exit(0)
			c.Close()
			x.expect(0, line)
		})
	}
	for _, end := range sessions {
		end()
	}
	// 333 - 320 is room for two: 6 each to begin with, 4 later.
	if len(busy) != 2 || busy[0] != 2 || busy[1] != 5 {
		t.Errorf("%d were not taken", busy)
	}
	if got := d.written(); !strings.Contains(got, "is full: starting another") {
		t.Errorf("%s", got)
	}
	d.stop()
}
