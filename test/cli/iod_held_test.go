//go:build linux

package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/handover"
)

// lock keeps a pipe locked, of which f is one end: splice(2) waits for bytes of
// a socket with the pipe's lock held, and whoever reads, writes or closes the
// pipe waits too. Any prog can do that, and some do without meaning harm. The
// result lets go.
func lock(t *testing.T, f *os.File) (release func()) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	w, err := syscall.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	thread, done := make(chan int), make(chan bool)
	go func() {
		thread <- syscall.Gettid()
		syscall.Splice(pair[0], nil, w, nil, 1<<16, 0)
		syscall.Close(w)
		close(done)
	}()
	tid := <-thread
	eventually(t, "splice to wait", func() bool {
		call, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/wchan", tid))
		return len(call) > 1 // 0 while it runs
	})
	release = sync.OnceFunc(func() {
		syscall.Close(pair[1])
		<-done
		syscall.Close(pair[0])
	})
	t.Cleanup(release)
	return release
}

// TestHeldPipes: whoever has an end of a pipe can make all calls on it wait. A
// shared process serves the sessions beside it all the same, and has nothing
// left of it when the pipe is let go.
func TestHeldPipes(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before := held(worker)
	serves := func(what string) {
		t.Helper()
		for range 6 { // on every loop
			began := time.Now()
			e := d.begin(t, env, handover.Session{ID: "1", Delayed: true}, true)
			e.conn.SetDeadline(began.Add(patience))
			e.rd.SetDeadline(began.Add(patience))
			if err := e.conn.Handshake(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			b := make([]byte, 5)
			e.wr.Write([]byte("hello"))
			if _, err := io.ReadFull(e.conn, b); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			e.conn.Write(b)
			if _, err := io.ReadFull(e.rd, b); err != nil || string(b) != "hello" {
				t.Fatalf("%s: %q, %v", what, b, err)
			}
			e.peer.CloseWrite()
			e.leave()
			if code := <-e.code; code != 0 {
				t.Errorf("%s: %d: %s", what, code, <-e.said)
			}
			for _, f := range append(e.dups, e.blob, e.sock) {
				f.Close()
			}
		}
	}
	for _, c := range []struct {
		name string
		pipe func(e *ending) *os.File
		then func(e *ending)
	}{
		{"prog's output, read", func(e *ending) *os.File { e.wr.Write([]byte("x")); return e.wr }, func(e *ending) { e.shake() }},
		{"prog's output, closed", func(e *ending) *os.File { e.shake(); return e.wr }, func(e *ending) { reset(e.peer) }},
		{"prog's input, written", func(e *ending) *os.File { e.shake(); return e.rd }, func(e *ending) { e.conn.Write([]byte("x")) }},
		{"prog's input, closed", func(e *ending) *os.File { e.shake(); return e.rd }, func(e *ending) { reset(e.peer) }},
		{"the information", func(e *ending) *os.File { return e.blob }, func(e *ending) { e.shake() }},
		{"a hand-over that comes to nothing", func(e *ending) *os.File { return e.wr }, func(e *ending) { e.link.Close() }},
	} {
		var lets []func()
		var running []*ending
		for range 4 {
			e := d.begin(t, env, handover.Session{ID: "1", Delayed: true}, false)
			for _, f := range e.dups {
				f.Close()
			}
			lets = append(lets, lock(t, c.pipe(e)))
			c.then(e)
			running = append(running, e)
		}
		serves(c.name)
		for _, let := range lets {
			let()
		}
		for _, e := range running {
			e.link.Close()
			e.leave()
			e.peer.Close()
			e.sock.Close()
			e.blob.Close()
		}
		eventuallyHeld(t, worker, before)
	}
	watchesItsOwn(t, worker)
	sleeps(t, worker)
	d.stop()
}
