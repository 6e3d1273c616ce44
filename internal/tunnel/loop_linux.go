package tunnel

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Loop is the driver of many tunnels: one goroutine, one epoll set, one heap
// of deadlines.
//
//	           ┌──────────────── a Loop ────────────────┐
//	epoll ────►│ ready tasks ─► Task.Step ─► want, when │──► epoll_ctl, if want
//	deadline ─►│                                        │    is not what it was
//	           └────────────────────────────────────────┘
//
// Like poll(2) in Run it is level-triggered and asks for what Step wants and
// nothing else, so that the rules about hang-ups are the same in both. A tunnel
// that idles or that answers line by line always wants the same: then there is no
// system call but epoll_wait and the reading and writing itself.
//
// Go's own poller is not used: it needs O_NONBLOCK, which belongs to the open
// file description and would change the socket for prog too.
type Loop struct {
	Pool Pool

	epoll, wake int
	clock       func() time.Duration
	tasks       []*entry // by slot; nil: free
	free        []int32
	timers      timers
	run, next   []*entry // to be stepped in this round, in the next
	count       atomic.Int32
	stopping    bool
	at          int // in run: the next one
	turn
	ended chan error

	mu     sync.Mutex
	inbox  []func()
	closed bool // nobody reads the inbox any more
}

// A Task is what a Loop drives: a tunnel, or what comes before one. Step is as
// [Tunnel.Step], without its error. It is only called by the loop's goroutine.
type Task interface {
	Step(now time.Duration, ready Events) (want Events, deadline time.Duration, done bool)
	// Broken is called when Step panicked, with what it said, and when the
	// system does not let the loop watch a descriptor. The task is over: its
	// descriptors are not watched any more, and closed behind it.
	Broken(reason any)
}

// An entry is a Task in its Loop.
type entry struct {
	loop  *Loop
	task  Task
	slot  int32
	watch [roles]watched
	ready Events
	queue bool // it is in run or next
	away  bool // a call of it is held up, and it is somebody else's
	again bool // it was to be stepped meanwhile
	slow  bool // a call of it was held up
	at    time.Duration
	index int // in timers, or -1
}

// NewLoop makes a loop whose tasks read the time from clock, which never goes
// back and may be called by any goroutine.
func NewLoop(clock func() time.Duration) (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1})
	}
	if err != nil {
		unix.Close(epoll)
		return nil, err
	}
	l := &Loop{epoll: epoll, wake: wake, clock: clock, ended: make(chan error, 1)}
	l.turn.away = make(map[uint64]*entry)
	l.alarm = time.AfterFunc(time.Hour, l.look)
	l.alarm.Stop()
	return l, nil
}

// Count is how many tasks the loop has. Any goroutine may ask.
func (l *Loop) Count() int { return int(l.count.Load()) }

// Do runs f in the loop's goroutine, soon. Any goroutine may call it; after the
// end of Run it does nothing and returns false.
func (l *Loop) Do(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.inbox = append(l.inbox, f)
	one := [8]byte{1}
	unix.Write(l.wake, one[:])
	return true
}

// Add starts a task on descriptors; those that it has not are -1, control is
// one more to be read. They are the loop's from here on: it closes them when the
// task is over, and [Handle.Close] before. Nobody else does, because another
// process may hold the same open file description, and then closing does not
// end the watching: what is left in the set would be reported for ever. Only
// the loop's goroutine may call Add, or another one before Run.
func (l *Loop) Add(t Task, fds FDs, control int) *Handle {
	e := &entry{loop: l, task: t, index: -1}
	for i, fd := range [roles]int{fds.NetIn, fds.NetOut, fds.LocalIn, fds.LocalOut, fds.Notify, control} {
		w := &e.watch[i]
		w.fd = fd
		if fd < 0 {
			continue
		}
		events := roleEvents[i].in | roleEvents[i].out | roleEvents[i].hangup
		for j := range i {
			if e.watch[j].fd == fd {
				w.fd, w = -1, &e.watch[j]
				break
			}
		}
		w.all |= events
	}
	if n := len(l.free); n > 0 {
		e.slot, l.free = l.free[n-1], l.free[:n-1]
		l.tasks[e.slot] = e
	} else {
		e.slot = int32(len(l.tasks))
		l.tasks = append(l.tasks, e)
	}
	l.count.Add(1)
	l.enqueue(e)
	return (*Handle)(e)
}

// Run drives the tasks until Stop, and closes what the loop has opened.
func (l *Loop) Run() error {
	defer l.close()
	go l.drive()
	return <-l.ended
}

// drive has the turn, and drives the tasks until somebody else has it.
func (l *Loop) drive() {
	var events [128]unix.EpollEvent
	for {
		for l.at < len(l.run) {
			e := l.run[l.at]
			l.run[l.at] = nil
			l.at++
			e.queue = false
			if e.away {
				e.again = true
			} else if l.tasks[e.slot] == e {
				l.step(e)
			}
		}
		if l.stopping {
			l.ended <- nil
			return
		}
		if l.giveBack() {
			return
		}
		n, err := l.await(events[:])
		if err != nil && err != unix.EINTR {
			l.ended <- err
			return
		}
		for i := range max(0, n) {
			if slot := events[i].Fd; slot < 0 {
				l.runInbox()
			} else if e := l.tasks[slot]; e != nil {
				e.ready |= e.watch[events[i].Pad].meaning(events[i].Events)
				l.enqueue(e)
			}
		}
		now := l.clock()
		for len(l.timers) > 0 && l.timers[0].at <= now {
			l.enqueue(l.timers[0])
			heap.Pop(&l.timers)
		}
		l.run, l.next, l.at = l.next, l.run[:0], 0
	}
}

// await is epoll_wait(2), which newer systems know under this number alone.
func (l *Loop) await(events []unix.EpollEvent) (int, error) {
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(l.timeout()), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// Stop ends Run. Tasks that are left get no more steps. Any goroutine may call it.
func (l *Loop) Stop() { l.Do(func() { l.stopping = true }) }

func (l *Loop) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	unix.Close(l.epoll)
	unix.Close(l.wake)
}

// runInbox runs what other goroutines gave to Do.
func (l *Loop) runInbox() {
	var count [8]byte
	unix.Read(l.wake, count[:])
	l.mu.Lock()
	inbox := l.inbox
	l.inbox = nil
	l.mu.Unlock()
	for _, f := range inbox {
		f()
	}
}

func (l *Loop) enqueue(e *entry) {
	if !e.queue {
		e.queue = true
		l.next = append(l.next, e)
	}
}

// timeout is in milliseconds, rounded up: waking before a deadline would only
// mean to wait again.
func (l *Loop) timeout() int {
	switch {
	case len(l.next) > 0:
		return 0
	case len(l.timers) == 0:
		return -1
	}
	return int(max(0, (l.timers[0].at-l.clock()+time.Millisecond-1)/time.Millisecond))
}

// step steps a task, and sets what it waits for.
func (l *Loop) step(e *entry) {
	ready := e.ready
	e.ready = 0
	l.current = e
	want, deadline, done, broken := e.try(l.clock(), ready)
	if broken == nil && !done {
		broken = e.arm(want)
	}
	if broken != nil || done {
		l.remove(e, broken)
	}
	l.current = nil
	if broken != nil || done {
		return
	}
	if deadline < 0 {
		if e.index >= 0 {
			heap.Remove(&l.timers, e.index)
		}
		return
	}
	switch e.at = deadline; {
	case deadline <= l.clock():
		l.enqueue(e)
	case e.index >= 0:
		heap.Fix(&l.timers, e.index)
	default:
		heap.Push(&l.timers, e)
	}
}

// try steps the task. A panic is this task's end, and no other's.
func (e *entry) try(now time.Duration, ready Events) (want Events, deadline time.Duration, done bool, broken any) {
	defer func() {
		if v := recover(); v != nil {
			broken = v
		}
	}()
	want, deadline, done = e.task.Step(now, ready)
	return want, deadline, done, nil
}

// remove takes a task out of the loop and closes the descriptors that it has
// left. If it is broken it hears of it in between.
func (l *Loop) remove(e *entry, broken any) {
	for i := range e.watch {
		if err := e.watch[i].set(l.epoll, e.slot, i, 0); err != nil && broken == nil {
			broken = err
		}
	}
	if e.index >= 0 {
		heap.Remove(&l.timers, e.index)
	}
	if broken != nil {
		e.reportBroken(broken)
	}
	for i := range e.watch {
		if w := &e.watch[i]; w.fd >= 0 && w.more == 0 {
			l.CloseNow(w.fd)
		}
		e.watch[i].fd = -1
	}
	l.tasks[e.slot] = nil
	l.free = append(l.free, e.slot)
	l.count.Add(-1)
}

// reportBroken tells the task that it is over. What is broken may not even be able to hear it.
func (e *entry) reportBroken(reason any) {
	defer func() { recover() }()
	e.task.Broken(reason)
}

// arm tells the kernel what is wanted, as far as that changed.
func (e *entry) arm(want Events) any {
	for i := range e.watch {
		w := &e.watch[i]
		if w.fd < 0 {
			continue
		}
		mask := uint32(0)
		if wanted := want & w.all; wanted != 0 {
			mask = unix.EPOLLERR | unix.EPOLLHUP // these come unasked
			if wanted&(NetIn|LocalIn|Control) != 0 {
				mask |= unix.EPOLLIN
			}
			if wanted&(NetOut|LocalOut|NotifyOut) != 0 {
				mask |= unix.EPOLLOUT
			}
			mask |= w.more
		}
		if err := w.set(e.loop.epoll, e.slot, i, mask); err != nil {
			return err
		}
	}
	return nil
}
