package tunnel

import (
	"container/heap"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/fd"
)

// Whoever has an end of a pipe can have every call on it wait, whatever the call
// says about waiting: splice(2) to a pipe keeps it locked until there is something
// to splice. So a call on what others have too is made without the loop: before it
// the goroutine gives up its turn, and after it has it back, at once as a rule. If
// the call takes long another goroutine takes the turn, and drives the loop
// without the task. The first one waits for its turn when the call is over, goes
// on in the middle of the Step, and drives the loop from there.
//
//	goroutine 1   Step ... Leave, read(2) ─────────────── waits ─┐ ... Step, other tasks ...
//	goroutine 2                      └─► other tasks ... ────────┘ ends
//
// All of a Loop and of its tasks belongs to who has the turn. A task that was
// waited for once is not given the benefit of the doubt again.
type turn struct {
	calls atomic.Uint64 // how many there were
	out   atomic.Uint64 // the number of the one that is made now; 0: none, or somebody else has the turn
	armed atomic.Bool   // the alarm is set
	alarm *time.Timer
	// What the alarm saw last.
	seen, made uint64

	current *entry // is stepped
	away    map[uint64]*entry
	back    []waiter // under mu: calls that are over
}

// A waiter is a goroutine that wants its turn.
type waiter struct {
	call uint64
	turn chan struct{}
}

// Patience is how long a call may take: between once and twice this.
const callPatience = 50 * time.Millisecond

// Leave implements Turn.
func (l *Loop) Leave() uint64 {
	e := l.current
	if e == nil {
		return 0
	}
	n, slow := l.calls.Add(1), e.slow
	l.out.Store(n) // from here on all but the call is another's, perhaps
	if slow {
		l.take(n)
	} else if !l.armed.Load() && l.armed.CompareAndSwap(false, true) {
		l.alarm.Reset(callPatience)
	}
	return n
}

// Enter implements Turn.
func (l *Loop) Enter(call uint64) {
	if call == 0 || l.out.CompareAndSwap(call, 0) {
		return
	}
	w := waiter{call, make(chan struct{})}
	one := [8]byte{1}
	l.mu.Lock()
	if !l.closed {
		l.back = append(l.back, w)
		unix.Write(l.wake, one[:])
	}
	l.mu.Unlock()
	<-w.turn // never, if the loop is over
}

// look is what the alarm does.
func (l *Loop) look() {
	n, made := l.out.Load(), l.calls.Load()
	switch {
	case n != 0 && n == l.seen:
		l.take(n)
	case n == 0 && made == l.made:
		l.armed.Store(false)
		if l.calls.Load() == made || !l.armed.CompareAndSwap(false, true) {
			return
		}
	}
	l.seen, l.made = n, made
	l.alarm.Reset(callPatience)
}

// take takes the turn from who makes that call, if it is not over.
func (l *Loop) take(call uint64) {
	if !l.out.CompareAndSwap(call, 0) {
		return
	}
	e := l.current
	l.current = nil
	e.away, e.slow = true, true
	l.away[call] = e
	for i := range e.watch { // they would be reported, and nobody could do anything
		e.watch[i].set(l.epoll, e.slot, i, 0)
	}
	if e.index >= 0 {
		heap.Remove(&l.timers, e.index)
	}
	go l.drive()
}

// giveBack gives the turn to a goroutine whose call is over.
func (l *Loop) giveBack() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.back) == 0 {
		return false
	}
	w := l.back[0]
	l.back = l.back[1:]
	e := l.away[w.call]
	delete(l.away, w.call)
	e.away, l.current = false, e
	if e.again {
		e.again = false
		l.enqueue(e)
	}
	close(w.turn)
	return true
}

// CloseNow is [fd.CloseNow] for a descriptor that others may have.
func (l *Loop) CloseNow(n int) {
	call := l.Leave()
	fd.CloseNow(n)
	l.Enter(call)
}
