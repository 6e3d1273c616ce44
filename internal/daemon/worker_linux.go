package daemon

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
	"ucspitls/internal/handover"
	"ucspitls/internal/option"
	"ucspitls/internal/session"
	"ucspitls/internal/tunnel"
)

// A worker's descriptors, beside 0 to 2.
const (
	listenFD  = 3
	controlFD = 4
)

const (
	messageTimeout = 2 * time.Second // for each message of a wrapper
	maxPending     = 256             // hand-overs that are not complete
	spare          = 64 + maxPending // descriptors that are for no session
	drainLook      = 20 * time.Millisecond
	askAgain       = 10 * time.Second
)

// What a worker tells its supervisor, a byte each.
const (
	messageReady = 'r'
	messageFull  = 'f' // another one should take its place: it has soon no room, or none
)

// A worker serves sessions on a few loops.
type worker struct {
	printer       *diag.Printer
	setup         *session.Setup // whose rules hold for all
	configuration []byte
	uids          []uint32
	clock         func() time.Duration
	loops         []*loop
	room          atomic.Int64 // descriptors that may still be taken
	low           int64        // below this there is soon no room
	asked         atomic.Int64 // when the supervisor was asked for help, a time of the clock
	pending       atomic.Int32
	listeners     atomic.Int32 // loops that accept
}

// A loop is one of them, with what its tasks share.
type loop struct {
	*tunnel.Loop
	*worker
	listener *acceptor
	scratch  []byte // for a message
}

func runWorker(b backend.Backend, p *diag.Printer, o *option.Values) error {
	// The supervisor is who is told; a group's signals are not for us.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	fd.CloseAllBut(listenFD, controlFD)
	var err error
	w := &worker{printer: p, uids: option.Numbers(o.Text(option.UIDs))}
	if w.uids == nil {
		w.uids = []uint32{0, uint32(syscall.Getuid())} // before it is dropped
	}
	start := time.Now()
	w.clock = func() time.Duration { return time.Since(start) }
	w.configuration = handover.Configuration(o, os.Environ())
	if err := w.count(); err != nil {
		return err
	}
	for range runtime.GOMAXPROCS(0) {
		l := &loop{worker: w, scratch: make([]byte, handover.MaxMessage+1)}
		if l.Loop, err = tunnel.NewLoop(w.clock); err != nil {
			return diag.FailSys("set up an event loop", err)
		}
		w.loops = append(w.loops, l)
	}
	// From here on it is in its sandbox.
	if w.setup, err = session.NewShared(b, p, o); err != nil {
		return err
	}
	return w.run()
}

// count sets how many descriptors there may be.
func (w *worker) count() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return diag.FailSys("get the limit of open files", err)
	}
	limit.Cur = limit.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	n := int64(min(limit.Cur, 1<<30)) - spare
	if n < filesOfSession {
		return diag.Fail(diag.System, "the limit of open files is too low: ", diag.Uint(limit.Cur))
	}
	w.room.Store(n)
	w.low = n / 8
	w.asked.Store(-int64(askAgain))
	return nil
}

func (w *worker) run() error {
	var loops sync.WaitGroup
	failed := make(chan error, len(w.loops))
	for _, l := range w.loops {
		w.listeners.Add(1)
		l.listener = &acceptor{loop: l}
		l.listener.handle = l.Add(l.listener, noFDs, listenFD)
		l.listener.handle.Shared(listenFD)
		loops.Add(1)
		go func() {
			defer loops.Done()
			if err := l.Run(); err != nil {
				failed <- diag.FailSys("wait for events", err)
			}
		}()
	}
	if _, err := syscall.Write(controlFD, []byte{messageReady}); err != nil {
		return diag.FailSys("tell the supervisor", err)
	}
	told := make(chan bool)
	go func() {
		var b [1]byte
		fd.ReadFull(controlFD, b[:]) // its end, or that of the supervisor
		close(told)
	}()
	select {
	case err := <-failed:
		return err
	case <-w.setup.Lost(): // the supervisor starts another, with its guard
		return session.LostGuard()
	case <-told:
	}
	for _, l := range w.loops {
		l.Do(l.listener.stop)
	}
	for w.busy() {
		select {
		case err := <-failed:
			return err
		case <-time.After(drainLook):
		}
	}
	for _, l := range w.loops {
		l.Stop()
	}
	loops.Wait()
	return nil
}

func (w *worker) busy() bool {
	for _, l := range w.loops {
		if l.Count() > 0 {
			return true
		}
	}
	return false
}

// reserve takes descriptors; false if there are not so many.
func (w *worker) reserve(n int64) bool {
	left := w.room.Add(-n)
	if left < w.low {
		w.ask()
	}
	if left >= 0 {
		return true
	}
	w.room.Add(n)
	return false
}

// ask tells the supervisor that there is little room, now and then.
func (w *worker) ask() {
	now, last := int64(w.clock()), w.asked.Load()
	if now-last >= int64(askAgain) && w.asked.CompareAndSwap(last, now) {
		say(controlFD, []byte{messageFull})
	}
}

func (w *worker) unreserve(n int64) { w.room.Add(n) }
