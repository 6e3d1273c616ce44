package tunnel

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/test/lab/wait"

	"golang.org/x/sys/unix"
)

// The loop that all tunnels of TestSockets share.
var sharedLoop = sync.OnceValue(func() *Loop {
	l, err := NewLoop(testClock)
	if err != nil {
		panic(err)
	}
	go l.Run()
	return l
})

func init() {
	l := sharedLoop()
	drivers = append(drivers, driver{"epoll", &l.Pool, testClock, func(t *Tunnel, fds FDs, c *closer) error {
		return runInLoop(l, t, fds, c)
	}})
}

// A loopTask is a tunnel that tells how it ended.
type loopTask struct {
	*Tunnel
	result chan error
	panics bool
}

type broken struct{ reason any }

func (broken) Error() string { return "broken" }

func (t *loopTask) Step(now time.Duration, ready Events) (Events, time.Duration, bool) {
	if t.panics && t.established {
		panic("out of order")
	}
	want, deadline, done, err := t.Tunnel.Step(now, ready)
	if done {
		t.result <- err
	}
	return want, deadline, done
}

func (t *loopTask) Broken(reason any) { t.result <- broken{reason} }

func runInLoop(l *Loop, t *Tunnel, fds FDs, c *closer) error {
	task := &loopTask{Tunnel: t, result: make(chan error, 1)}
	l.Do(func() { c.f = l.Add(task, fds, -1).Close })
	return <-task.result
}

// A pipeTask counts what it reads; it is as small as a task can be.
type pipeTask struct {
	fd     int
	data   []byte
	ended  chan struct{}
	until  time.Duration
	breaks string
}

func (p *pipeTask) Step(now time.Duration, ready Events) (Events, time.Duration, bool) {
	if p.until > 0 {
		if now >= p.until {
			close(p.ended)
			return 0, -1, true
		}
		return 0, p.until, false
	}
	if ready&LocalIn != 0 {
		if p.breaks == "panic" {
			panic("of a task")
		}
		var buf [100]byte
		n, err := unix.Read(p.fd, buf[:])
		if n <= 0 || err != nil {
			close(p.ended)
			return 0, -1, true
		}
		p.data = append(p.data, buf[:n]...)
	}
	return LocalIn | InHangup, -1, false
}

func (p *pipeTask) Broken(reason any) {
	if s, ok := reason.(string); ok {
		p.breaks += ": " + s
	} else {
		p.breaks += ": " + reason.(error).Error()
	}
	close(p.ended)
}

func newLoop(t *testing.T) *Loop {
	l, err := NewLoop(testClock)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if l.Do(func() {}) {
			t.Error("a loop that is over takes work")
		}
	})
	return l
}

func noFDs(in int) FDs { return FDs{NetIn: -1, NetOut: -1, LocalIn: in, LocalOut: -1, Notify: -1} }

// TestLoopPanic: a panic ends one task and no other.
func TestLoopPanic(t *testing.T) {
	l := newLoop(t)
	var tasks [3]*pipeTask
	var writers [3]*os.File
	for i := range tasks {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		writers[i] = w
		tasks[i] = &pipeTask{fd: int(r.Fd()), ended: make(chan struct{})}
	}
	tasks[1].breaks = "panic"
	l.Do(func() {
		for _, p := range tasks {
			l.Add(p, noFDs(p.fd), -1)
		}
	})
	for _, w := range writers {
		io.WriteString(w, "one")
	}
	wait.For(t, tasks[1].ended, "the end of a task")
	if tasks[1].breaks != "panic: of a task" {
		t.Error(tasks[1].breaks)
	}
	for _, i := range []int{0, 2} {
		io.WriteString(writers[i], " two")
		writers[i].Close()
		wait.For(t, tasks[i].ended, "the end of a task")
		if string(tasks[i].data) != "one two" {
			t.Errorf("%q", tasks[i].data)
		}
	}
}

// TestLoopRefuses: what epoll can't watch is that task's end.
func TestLoopRefuses(t *testing.T) {
	l := newLoop(t)
	f, err := os.Open("loop_linux_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &pipeTask{fd: int(f.Fd()), ended: make(chan struct{})}
	l.Do(func() { l.Add(p, noFDs(p.fd), -1) })
	wait.For(t, p.ended, "the end of a task")
	if !strings.Contains(p.breaks, syscall.EPERM.Error()) {
		t.Error(p.breaks)
	}
}

// TestLoopTimers: every deadline is met, none early.
func TestLoopTimers(t *testing.T) {
	l := newLoop(t)
	var tasks []*pipeTask
	for i := range 200 {
		tasks = append(tasks, &pipeTask{ended: make(chan struct{}), until: testClock() + time.Duration((i*7919)%100+1)*time.Millisecond})
	}
	l.Do(func() {
		for _, p := range tasks {
			l.Add(p, noFDs(-1), -1)
		}
	})
	for _, p := range tasks {
		wait.For(t, p.ended, "the end of a task")
		if now := testClock(); now < p.until {
			t.Errorf("%v early", p.until-now)
		}
	}
	empty := make(chan int, 1)
	l.Do(func() { empty <- len(l.timers) })
	if n := <-empty; n != 0 || l.Count() != 0 {
		t.Errorf("%d timers, %d tasks left", n, l.Count())
	}
}

// TestReleased: a descriptor that the task took back is not watched any more.
func TestReleased(t *testing.T) {
	l := newLoop(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := &pipeTask{fd: int(r.Fd()), ended: make(chan struct{})}
	seen := make(chan int, 1)
	l.Do(func() {
		h := l.Add(p, noFDs(p.fd), -1)
		l.Do(func() {
			h.Release(p.fd)
			io.WriteString(w, "never read")
			time.AfterFunc(50*time.Millisecond, func() { l.Do(func() { seen <- len(p.data); w.Close() }) })
		})
	})
	if n := <-seen; n != 0 {
		t.Error("a descriptor that was given back was read")
	}
}

// TestLoopIdle: an idle tunnel has no buffer, and a busy one gives back what it
// had, wiped.
func TestLoopIdle(t *testing.T) {
	pool := &Pool{}
	w := newWorld(options{pipe: 65536, window: 1 << 20, chunk: 1 << 20, pool: pool})
	if err := w.run("hello", "w50000", "d70000"); err != nil {
		t.Fatal(err)
	}
	if w.t.upBuf != nil || w.t.plain.b != nil || w.t.Wire.rx.b != nil || w.t.Wire.tx.b != nil {
		t.Error("an idle tunnel holds a buffer")
	}
	if len(pool.free) == 0 {
		t.Fatal("nothing was given back")
	}
	for _, b := range pool.free {
		if bytes.Trim(b[:cap(b)], "\x00") != nil {
			t.Fatal("a buffer that was given back is not wiped")
		}
	}
}
