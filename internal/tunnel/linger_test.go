package tunnel

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ucspitls/backend"
)

// trickle lets time pass with do every so often, until the session ends.
func (w *world) trickle(every, limit time.Duration, do func()) error {
	for next, end := w.now+every, w.now+limit; !w.done; {
		if err := w.settle(); err != nil || w.done {
			return err
		}
		if w.now >= end {
			return errStuck
		}
		if w.deadline >= 0 && w.deadline < next {
			w.now = max(w.now, w.deadline)
			w.ready = 0
			w.step()
			continue
		}
		w.now, next = next, next+every
		do()
		w.ready = w.events() & w.want
		w.step()
	}
	return nil
}

// TestEveryWaitEnds: whatever trickles, every state has its bound.
func TestEveryWaitEnds(t *testing.T) {
	const linger = 10 * time.Minute
	acks := func(w *world) { w.net.Out.Take(20) }
	sends := func(w *world) { w.do("d1") }
	both := func(w *world) { acks(w); sends(w) }
	raw := func(w *world) { w.net.In.Arrive('H') }
	ok := func(err error) bool { return err == nil }
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	undelivered := func(err error) bool {
		e, is := errors.AsType[*UndeliveredError](err)
		return is && e.Bytes > 0
	}
	unread := func(err error) bool {
		e, is := errors.AsType[*UnreadError](err)
		return is && e.Bytes > 0
	}
	tls := func(kind backend.Kind) func(error) bool {
		return func(err error) bool {
			e, is := errors.AsType[*backend.Error](err)
			return is && e.Kind == kind
		}
	}
	for _, tt := range []struct {
		name    string
		o       options
		actions string
		do      func(*world)
		took    time.Duration // negative: it goes on
		code    func(error) bool
	}{
		{"both over, acknowledged a little now and then", options{}, "hello stall w50000 exit", acks, linger, undelivered},
		{"the same with -S", options{closeNotify: true}, "hello stall w50000 exit", acks, linger, undelivered},
		{"the same, and the peer goes on sending", options{}, "hello stall w50000 exit", both, linger, undelivered},
		{"the same behind a shut window", options{window: 2000}, "hello stall w50000 exit", acks, linger, undelivered},
		{"the same after the peer's close_notify", options{}, "hello cn stall w50000 exit", acks, linger, undelivered},
		{"the same after the peer's FIN", options{}, "hello fin stall w50000 exit", acks, linger, undelivered},
		{"prog is gone, its pipe is full", options{pipe: 50000, window: 2000}, "hello stall w300000 kill", acks, linger, undelivered},
		{"prog is gone, the peer goes on sending", options{pipe: 50000, window: 2000}, "hello stall w300000 kill", both, linger, undelivered},
		{"all is taken, and the peer goes on sending", options{}, "hello w5 exit", sends, lingerQuiet, ok},
		{"the same after its close_notify", options{}, "hello w5 cn exit", sends, lingerQuiet, ok},
		{"all is taken, Linger is short", options{linger: time.Second}, "hello w5 exit", sends, time.Second, ok},
		{"all is taken, prog's input is held and not read", options{pipe: 100}, "hello stopR d5000 cn fin w5 closeW", sends, linger, unread},
		{"the same while the peer sends after its close_notify", options{pipe: 100}, "hello stopR d5000 cn w5 closeW", sends, linger, unread},
		{"neither end takes anything", options{pipe: 100, window: 2000}, "hello stopR d5000 cn stall w50000 closeW", both, linger, undelivered},
		{"the same when prog has written everything", options{pipe: 60000, window: 2000}, "hello stopR d70000 cn stall w50000 closeW", both, linger, undelivered},
		{"a failure, and the peer goes on sending", options{}, "hello bad", sends, lingerAlert, tls(backend.Record)},
		{"the same after prog has left", options{}, "hello exit bad", sends, lingerAlert, tls(backend.Record)},
		{"a failure, Linger is short", options{linger: time.Second}, "hello bad", sends, time.Second, tls(backend.Record)},
		{"a failure, prog's input is held and not read", options{pipe: 100}, "hello stopR d5000 bad", sends, linger, tls(backend.Record)},
		{"a truncated stream, last words behind a shut window", options{window: 2000, pipe: 100000}, "hello stall w100000 cut", acks, linger, tls(backend.Truncated)},
		{"the same with -J", options{window: 2000, pipe: 100000, enforce: true}, "hello stall w100000 fin", acks, linger, is(ErrNoCloseNotify)},
		{"the same, nothing is taken", options{window: 2000, pipe: 100000}, "hello stall w100000 cut", func(*world) {}, lingerStalled, tls(backend.Truncated)},
		{"handshake", options{handshake: time.Minute}, "", raw, time.Minute, is(ErrHandshakeTimeout)},
		{"handshake, nobody is left, no -K", options{}, "w5 exit", raw, orphanLimit, is(ErrHandshakeTimeout)},
		{"handshake, nobody is left, no -K, Linger is short", options{linger: time.Second}, "w5 exit", raw, time.Second, is(ErrHandshakeTimeout)},
		{"handshake, nobody is left, -K is long", options{handshake: time.Hour}, "w5 exit", raw, linger, is(ErrHandshakeTimeout)},
		{"prog does not read any more and says nothing, the peer sends", options{idle: time.Minute}, "hello closeR", sends, time.Minute + lingerAlert, is(ErrIdle)},
		{"prog does not read, the peer sends", options{idle: time.Minute, pipe: 100}, "hello stopR d200000", sends, time.Minute + linger, is(ErrIdle)},
		{"the peer sends after its close_notify, prog says nothing", options{idle: time.Minute}, "hello cn", sends, time.Minute + lingerAlert, is(ErrIdle)},
		{"prog speaks, the peer sends what nobody reads", options{idle: time.Minute}, "hello closeR", func(w *world) { w.do("w1"); sends(w) }, -1, nil},
		{"no timeout: prog is there", options{}, "hello closeR", sends, -1, nil},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			o := tt.o
			o.pipe, o.chunk = max(o.pipe, 100), 1<<20
			if tt.o.pipe == 0 {
				o.pipe = 1 << 16
			}
			if o.window == 0 {
				o.window = 1 << 20
			}
			if o.linger == 0 {
				o.linger = linger
			}
			w := newWorld(o)
			w.notify.Size = 2 // nobody reads the blob either
			w.settle()
			for _, a := range strings.Fields(tt.actions) {
				w.do(a)
				if err := w.settle(); err != nil {
					t.Fatal(err)
				}
			}
			began := w.now
			err := w.trickle(700*time.Millisecond, 2*time.Hour, func() { tt.do(w) })
			if tt.took < 0 {
				if err != errStuck {
					t.Fatalf("ended after %v with %v", w.now-began, w.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := w.now - began - tt.took; d < -time.Millisecond || d > 1500*time.Millisecond {
				t.Errorf("took %v, want %v", w.now-began, tt.took)
			}
			if !tt.code(w.err) {
				t.Errorf("%v", w.err)
			}
			w.t.Close()
			if w.up.Reader || w.down.Writer || w.notify.Writer {
				t.Error("an end is still open")
			}
		})
	}
}

// TestHonestSlowPeer: the most that can be on its way when prog ends arrives at
// a peer that takes 12 kbit a second. See DefaultLinger.
func TestHonestSlowPeer(t *testing.T) {
	const pipe, sendBuffer = 64 << 10, 4 << 20
	w := newWorld(options{pipe: pipe, window: sendBuffer, chunk: 1 << 20})
	if err := w.run("hello", "stall", "w5000000", "kill"); err != nil {
		t.Fatal(err)
	}
	if len(w.wrote) < pipe+sendBuffer {
		t.Fatalf("only %d bytes are on their way", len(w.wrote))
	}
	err := w.trickle(time.Second, 2*time.Hour, func() { w.net.Out.Take(1500) })
	data, _, _ := w.received()
	if err != nil || w.err != nil || len(data) != len(w.wrote) || w.now > DefaultLinger {
		t.Errorf("%v, %v: %d of %d bytes after %v", err, w.err, len(data), len(w.wrote), w.now)
	}
}
