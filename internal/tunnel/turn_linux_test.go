package tunnel

import (
	"sync/atomic"
	"testing"
	"time"
)

// A heldTask makes a call in its first steps that somebody else holds up.
type heldTask struct {
	loop  *Loop
	calls int
	hold  chan struct{} // a call is over
	began chan struct{}
	ended chan struct{}
	steps atomic.Int32
}

func (h *heldTask) Step(time.Duration, Events) (Events, time.Duration, bool) {
	h.steps.Add(1)
	for range h.calls {
		call := h.loop.Leave()
		h.began <- struct{}{}
		<-h.hold
		h.loop.Enter(call)
	}
	h.calls = 0
	select {
	case <-h.hold:
		close(h.ended)
		return 0, -1, true
	default:
		return 0, -1, false
	}
}

func (h *heldTask) Broken(reason any) { panic(reason) }

// TestHeldCalls: a call that is held up keeps its task, and nothing else.
func TestHeldCalls(t *testing.T) {
	l := newLoop(t)
	var all []*heldTask
	var handles []*Handle
	for range 5 {
		h := &heldTask{loop: l, calls: 3, hold: make(chan struct{}), began: make(chan struct{}, 10), ended: make(chan struct{})}
		l.Do(func() { handles = append(handles, l.Add(h, FDs{-1, -1, -1, -1, -1}, -1)) })
		all = append(all, h)
	}
	wake := func(i int) { l.Do(func() { handles[i].Wake() }) }
	for _, h := range all {
		<-h.began // each although those before it are held
	}
	for round := range 2 {
		for i, h := range all {
			wake(i) // it is away, and hears of it later
			h.hold <- struct{}{}
			<-h.began // its next one
			if n := h.steps.Load(); n != 1 {
				t.Fatalf("round %d: stepped %d times while it is held", round, n)
			}
		}
	}
	for i, h := range all {
		h.hold <- struct{}{}
		for done := false; !done; {
			wake(i)
			select {
			case h.hold <- struct{}{}:
				<-h.ended
				done = true
			case <-time.After(time.Millisecond):
			}
		}
	}
	// A loop can end while a task is away.
	h := &heldTask{loop: l, calls: 1, hold: make(chan struct{}), began: make(chan struct{}, 1)}
	l.Do(func() { l.Add(h, FDs{-1, -1, -1, -1, -1}, -1) })
	<-h.began
	answers := make(chan bool)
	l.Do(func() { close(answers) })
	<-answers
	t.Cleanup(func() { close(h.hold) })
}
