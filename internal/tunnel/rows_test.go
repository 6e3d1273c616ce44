package tunnel

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend"
)

// TestRows is "How a session ends", row by row, with the clock. Every row runs
// with roomy and with tiny buffers.
func TestRows(t *testing.T) {
	type after struct {
		ended                     bool
		took                      time.Duration // until the end, from the last action
		alert, fin, cn, eof, blob bool
		toPeer, toProg            int
		unacked, undelivered      int64
		code                      func(error) bool
	}
	ok := func(err error) bool { return err == nil }
	tls := func(kind backend.Kind, peer bool) func(error) bool {
		return func(err error) bool {
			var e *backend.Error
			return errors.As(err, &e) && e.Kind == kind && e.Peer == peer
		}
	}
	network := func(handshake bool) func(error) bool {
		return func(err error) bool {
			var e *NetworkError
			return errors.As(err, &e) && e.Handshake == handshake && errors.Is(err, syscall.ECONNRESET)
		}
	}
	is := func(target error) func(error) bool {
		return func(err error) bool { return errors.Is(err, target) }
	}
	tests := []struct {
		name    string
		o       options
		actions string
		want    after
	}{
		{"prog closes its write end: everything, our FIN, the other direction goes on", options{},
			"hello w50000 closeW d7", after{toPeer: 50000, toProg: 7, fin: true, blob: true}},
		{"the same with -S: close_notify before the FIN, later data is delivered", options{closeNotify: true},
			"hello w50000 closeW d7 d70000", after{toPeer: 50000, toProg: 70007, fin: true, cn: true, blob: true}},
		{"prog's output waits behind a shut window: the peer's still arrives", options{},
			"hello stall w400000 d300000", after{toPeer: -1, toProg: 300000, blob: true}},
		{"both ends closed, the peer stays: 2 s after the last acknowledgement", options{},
			"hello w5 exit", after{ended: true, took: lingerQuiet, toPeer: 5, fin: true, blob: true, code: ok}},
		{"both ends closed, the peer goes on sending: the same", options{closeNotify: true},
			"hello w5 exit d90000 d100", after{ended: true, took: lingerQuiet, toPeer: 5, fin: true, cn: true, blob: true, code: ok}},
		{"both ends closed, the peer's FIN: at once", options{},
			"hello w5 exit fin", after{ended: true, toPeer: 5, fin: true, blob: true, code: ok}},
		{"both ends closed, the peer's FIN, with -J: nobody listens, no error", options{enforce: true},
			"hello w5 exit fin", after{ended: true, toPeer: 5, fin: true, blob: true, code: ok}},
		{"both ends closed, a reset when everything was taken", options{},
			"hello w5 exit rst", after{ended: true, toPeer: 5, fin: true, blob: true, code: ok}},
		{"both ends closed, a reset when only our FIN was not taken", options{},
			"hello w5 stall exit rst", after{ended: true, toPeer: 5, fin: true, blob: true, code: ok}},
		{"both ends closed, bytes not acknowledged: 30 s and an error with their number", options{},
			"hello stall w5 exit", after{ended: true, took: lingerStalled, toPeer: 5, fin: true, blob: true, undelivered: 10}},
		{"both ends closed, bytes not acknowledged, then a reset: noted, no error", options{},
			"hello stall w5 exit rst", after{ended: true, fin: true, blob: true, unacked: 5, code: ok}},
		{"the same with a close_notify that the peer did not read", options{closeNotify: true},
			"hello stall w5 exit rst", after{ended: true, fin: true, blob: true, unacked: 5, code: ok}},
		{"the reset comes between our close_notify and our FIN", options{closeNotify: true},
			"hello stall w5 rstAtFIN exit", after{ended: true, blob: true, unacked: 5, code: ok}},
		{"prog is gone, its pipe is full, the peer takes nothing", options{pipe: 1000, window: 1000},
			"hello stall w300000 kill", after{ended: true, took: lingerStalled, toPeer: -1, blob: true, undelivered: -1}},
		{"a reset while our FIN waits behind a shut window", options{window: 100},
			"hello stall w5000 exit rst", after{ended: true, blob: true, code: network(false)}},
		{"both ends closed, the peer's FIN came, bytes not acknowledged yet: waits for them", options{},
			"hello d3 cn fin stall w5 exit", after{ended: true, took: lingerStalled, toPeer: 5, toProg: 3, eof: true, fin: true, blob: true, undelivered: 10}},
		{"a window that stays shut: 30 s as well", options{window: 100},
			"hello stall w5000 exit", after{ended: true, took: lingerStalled, toPeer: -1, blob: true, undelivered: 5004}},
		{"prog exits with output in the pipe, the peer at work", options{},
			"hello d90000 w200000 exit d5 cn fin", after{ended: true, toPeer: 200000, toProg: 90000, fin: true, blob: true, code: ok}},
		{"close_notify: prog reads EOF, its reply is delivered", options{},
			"hello d5 cn w70000 exit fin", after{ended: true, toPeer: 70000, toProg: 5, eof: true, fin: true, blob: true, code: ok}},
		{"close_notify, and prog stays", options{},
			"hello d5 cn", after{toProg: 5, eof: true, blob: true}},
		{"close_notify and reset, prog has nothing to say", options{},
			"hello d5 cn rst exit", after{ended: true, toProg: 5, eof: true, blob: true, code: ok}},
		{"close_notify and reset, then prog speaks", options{},
			"hello d5 cn rst w5 exit", after{ended: true, toProg: 5, eof: true, blob: true, code: network(false)}},
		{"close_notify and reset, a reply is lost", options{},
			"hello d5 cn stall w5 rst exit", after{ended: true, toProg: 5, eof: true, blob: true, fin: false, code: network(false)}},
		{"bare FIN, -j: EOF, the reply is sent", options{},
			"hello d5 fin w9 exit", after{ended: true, toPeer: 9, toProg: 5, eof: true, fin: true, blob: true, code: ok}},
		{"bare FIN, -J: what was decrypted, EOF, an error", options{enforce: true},
			"hello d5 fin", after{ended: true, toProg: 5, eof: true, fin: true, blob: true, code: is(ErrNoCloseNotify)}},
		{"bare FIN, -J: what prog had written is sent", options{enforce: true, closeNotify: true},
			"hello stall w90000 d5 fin take", after{ended: true, toPeer: 90000, toProg: 5, eof: true, fin: true, blob: true, code: is(ErrNoCloseNotify)}},
		{"the same, and it was all that prog had to say", options{enforce: true, closeNotify: true},
			"hello stall w90000 closeW d5 fin take", after{ended: true, toPeer: 90000, toProg: 5, eof: true, fin: true, cn: true, blob: true, code: is(ErrNoCloseNotify)}},
		{"the network ends inside a record, -S: prog may have had more to say", options{closeNotify: true},
			"hello w9 d5 cut", after{ended: true, toPeer: 9, toProg: 5, eof: true, fin: true, blob: true, code: tls(backend.Truncated, false)}},
		{"the network ends inside a record", options{},
			"hello d5 cut", after{ended: true, toProg: 5, eof: true, fin: true, blob: true, code: tls(backend.Truncated, false)}},
		{"the same after prog closed its write end", options{enforce: true},
			"hello w5 closeW d5 cut", after{ended: true, toPeer: 5, toProg: 5, eof: true, fin: true, blob: true, code: tls(backend.Truncated, false)}},
		{"a bad record: the alert goes out, and the peer has 2 s to take it", options{},
			"hello d5 bad", after{ended: true, took: lingerAlert, toProg: 5, eof: true, alert: true, fin: true, blob: true, code: tls(backend.Record, false)}},
		{"a bad record, the peer leaves", options{},
			"hello d5 bad fin", after{ended: true, toProg: 5, eof: true, alert: true, fin: true, blob: true, code: tls(backend.Record, false)}},
		{"a bad record, the peer takes nothing", options{},
			"hello stall d5 bad", after{ended: true, took: lingerAlert, toProg: 5, eof: true, alert: true, fin: true, blob: true, code: tls(backend.Record, false)}},
		{"the peer's fatal alert", options{},
			"hello d5 alert fin", after{ended: true, toProg: 5, eof: true, fin: true, blob: true, code: tls(backend.Record, true)}},
		{"the peer's fatal alert as the answer to our bare FIN", options{},
			"hello w5 closeW alert fin", after{ended: true, toPeer: 5, eof: true, fin: true, blob: true, code: ok}},
		{"the same while something is not acknowledged", options{},
			"hello stall w5 closeW alert fin", after{ended: true, toPeer: 5, eof: true, fin: true, blob: true, code: tls(backend.Record, true)}},
		{"the same after our close_notify", options{closeNotify: true},
			"hello w5 closeW alert fin", after{ended: true, toPeer: 5, eof: true, fin: true, cn: true, blob: true, code: tls(backend.Record, true)}},
		{"reset: what was decrypted, EOF", options{},
			"hello d5 rst", after{ended: true, toProg: 5, eof: true, blob: true, code: network(false)}},
		{"reset while prog only reads", options{},
			"hello w5 closeW d5 rst", after{ended: true, toPeer: 5, toProg: 5, eof: true, fin: true, blob: true, code: network(false)}},
		{"prog closes only its read end: the peer's data is dropped, prog's is sent", options{},
			"hello d5 closeR d200000 w60000 exit cn fin", after{ended: true, toPeer: 60000, toProg: 5, fin: true, blob: true, code: ok}},
		{"prog does not read and exits: the peer is not stopped", options{},
			"hello stopR d300000 w5 exit fin", after{ended: true, toPeer: 5, fin: true, blob: true, code: ok}},
		{"prog does not read, the network breaks: kept until prog reads", options{},
			"hello stopR d300000 rst", after{blob: true}},
		{"prog's input can't be written", options{},
			"hello full d5 w5", after{ended: true, took: lingerAlert, toPeer: -1, fin: true, eof: true, blob: true, code: is(syscall.ENOSPC)}},
		{"handshake refused by us", options{},
			"bad", after{ended: true, took: lingerAlert, alert: true, eof: true, fin: true, code: tls(backend.Handshake, false)}},
		{"handshake refused by the peer", options{},
			"alert fin", after{ended: true, eof: true, fin: true, code: tls(backend.Handshake, true)}},
		{"FIN during the handshake", options{},
			"fin", after{ended: true, eof: true, fin: true, code: tls(backend.Handshake, false)}},
		{"reset during the handshake", options{},
			"rst", after{ended: true, eof: true, code: network(true)}},
		{"handshake timeout", options{handshake: 500 * time.Millisecond},
			"w5", after{ended: true, took: 500 * time.Millisecond, eof: true, fin: true, code: is(ErrHandshakeTimeout)}},
		{"no handshake timeout: it may take its time", options{},
			"w5", after{}},
		{"prog leaves, the handshake hangs", options{},
			"w5 exit", after{ended: true, took: orphanLimit, fin: true, code: is(ErrHandshakeTimeout)}},
		{"what prog wrote before the handshake is delivered", options{},
			"w70000 exit hello fin", after{ended: true, toPeer: 70000, fin: true, blob: true, code: ok}},
		{"idle", options{idle: time.Second, closeNotify: true},
			"hello w5 d5", after{ended: true, took: time.Second + lingerAlert, toPeer: 5, toProg: 5, eof: true, fin: true, blob: true, code: is(ErrIdle)}},
		{"idle counts from the last byte", options{idle: time.Second},
			"hello tick900 w5 tick900 d5", after{ended: true, took: 1800*time.Millisecond + time.Second + lingerAlert, toPeer: 5, toProg: 5, eof: true, fin: true, blob: true, code: is(ErrIdle)}},
	}
	for _, tt := range tests {
		for _, size := range []struct {
			name                string
			pipe, window, chunk int
			pool                *Pool
		}{{"roomy", 1 << 16, 1 << 20, 1 << 20, nil}, {"tiny", 100, 1000, 7, nil}, {"roomy", 1 << 16, 1 << 20, 1 << 20, &Pool{}}, {"tiny", 100, 1000, 7, &Pool{}}} {
			name := strings.ReplaceAll(tt.name, " ", "_") + "/" + size.name
			if size.pool != nil {
				name += "/pool"
			}
			t.Run(name, func(t *testing.T) {
				o := tt.o
				o.chunk, o.pool = size.chunk, size.pool
				if o.pipe == 0 {
					o.pipe = size.pipe
				}
				if o.window == 0 {
					o.window = size.window
				}
				w := newWorld(o)
				if err := w.run(strings.Fields(tt.actions)...); err != nil {
					t.Fatal(err)
				}
				err := w.finish(time.Minute)
				want := tt.want
				if want.ended != (err == nil) {
					t.Fatalf("ended: %v, want %v", err, want.ended)
				}
				if err := w.check(); err != nil {
					t.Error(err)
				}
				data, cn, alert := w.received()
				tiny := size.name == "tiny"
				stalled := strings.Contains(tt.actions, "stall")
				if want.toPeer >= 0 && len(data) != want.toPeer && !(tiny && stalled) {
					t.Errorf("the peer got %d bytes, want %d", len(data), want.toPeer)
				}
				if len(w.got) != want.toProg && !(tiny && want.toProg > len(w.got) && strings.Contains(tt.actions, "exit")) {
					t.Errorf("prog got %d bytes, want %d", len(w.got), want.toProg)
				}
				check := func(what string, got, want bool) {
					t.Helper()
					if got != want {
						t.Errorf("%s: %v, want %v", what, got, want)
					}
				}
				if !(tiny && stalled) {
					check("FIN", w.net.Out.Fin, want.fin || want.toPeer < 0 && w.net.Out.Fin)
					check("close_notify", cn, want.cn)
					check("alert", alert, want.alert)
				}
				check("prog's EOF", w.gotEOF, want.eof)
				check("blob", string(w.notify.Buf) == "blob", want.blob)
				if !want.ended {
					return
				}
				if want.undelivered != 0 {
					var e *UndeliveredError
					if !errors.As(w.err, &e) || !tiny && want.undelivered > 0 && e.Bytes != want.undelivered {
						t.Errorf("err: %#v, want %d bytes undelivered", w.err, want.undelivered)
					}
				} else if !want.code(w.err) {
					t.Errorf("err: %#v", w.err)
				}
				if got := w.t.Stats.Unacked; (got > 0) != (want.unacked > 0) || !tiny && got > want.unacked+4 {
					t.Errorf("%d bytes not acknowledged, want %d", got, want.unacked)
				}
				if d := w.now - want.took; d < 0 || d > 600*time.Millisecond {
					t.Errorf("took %v, want %v", w.now, want.took)
				}
				if w.notify.Writer {
					t.Error("the notification descriptor is still open")
				}
			})
		}
	}
}

// TestNothingCanBeSent: a handshake whose answers can't be sent does not wait
// for a peer that waits for them; only as long as an alert may take.
func TestNothingCanBeSent(t *testing.T) {
	w := newWorld(options{pipe: 1 << 16, window: 1 << 20, chunk: 1 << 20})
	w.net.Broken = syscall.ENETDOWN
	if err := w.finish(time.Minute); err != nil {
		t.Fatal(err)
	}
	var e *NetworkError
	if !errors.As(w.err, &e) || !e.Handshake || !errors.Is(e, syscall.ENETDOWN) || w.now != lingerAlert || !w.gotEOF {
		t.Errorf("%v after %v", w.err, w.now)
	}
}

// TestAcknowledgedAnew: prog is gone while its pipe is still full; that the
// peer's system had everything at one moment says nothing about what follows.
func TestAcknowledgedAnew(t *testing.T) {
	w := newWorld(options{pipe: 1 << 20, window: 1 << 20, chunk: 1 << 20})
	if err := w.run(strings.Fields("hello")...); err != nil {
		t.Fatal(err)
	}
	for _, a := range strings.Fields("w10 exit fin") {
		w.do(a)
	}
	w.prog()
	w.ready = InHangup | OutHangup // and nothing to be read from prog yet
	w.step()
	w.do("stall")
	w.now += 100 * time.Microsecond // too soon for another look
	w.ready = LocalIn | NetIn
	w.step()
	if w.done {
		t.Fatalf("it ended (%v) with %d bytes that were not acknowledged", w.err, w.net.Out.Unacked())
	}
	w.do("take")
	if err := w.finish(time.Minute); err != nil || w.err != nil {
		t.Fatal(err, w.err)
	}
}

// TestStalledPeerRecovers: the 30 s count from the last acknowledged byte.
func TestStalledPeerRecovers(t *testing.T) {
	w := newWorld(options{pipe: 1 << 16, window: 1 << 20, chunk: 1 << 20})
	if err := w.run(strings.Fields("hello stall w5000 exit")...); err != nil {
		t.Fatal(err)
	}
	for range 5 { // one byte every 20 s
		for end := w.now + 20*time.Second; w.now < end; {
			w.now = min(max(w.deadline, w.now+time.Millisecond), end)
			w.step()
			if w.done {
				t.Fatalf("gave up at %v: %v", w.now, w.err)
			}
		}
		w.net.Out.Take(100)
	}
	w.do("take")
	if err := w.finish(time.Minute); err != nil || w.err != nil {
		t.Fatal(err, w.err)
	}
}

// TestResetWhileProgLeaves: prog's output ends a moment before its input is
// closed, and the reset comes in between.
func TestResetWhileProgLeaves(t *testing.T) {
	for _, leaves := range []bool{true, false} {
		w := newWorld(options{pipe: 1 << 16, window: 1 << 20, chunk: 1 << 20, closeNotify: true})
		if err := w.run(strings.Fields("hello stall w5 closeW")...); err != nil {
			t.Fatal(err)
		}
		w.do("rst")
		if leaves {
			w.do("exit")
			w.prog()
		}
		w.ready = NetIn // and nothing about prog yet
		w.step()
		if w.done {
			t.Fatalf("judged too early: %v", w.err)
		}
		if err := w.finish(time.Minute); err != nil {
			t.Fatal(err)
		}
		if leaves != (w.err == nil) {
			t.Errorf("leaves %v: %v", leaves, w.err)
		}
	}
}
