package tunnel

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ucspitls/backend"
)

var progScripts = []string{
	"exit",
	"w3 exit",
	"w50000 w3 exit",
	"w3 closeW exit",
	"closeW exit",
	"closeR w3 exit",
	"w200000 closeR exit",
	"stopR w3 goR exit",
	"stopR closeW exit",
	"exitEOF w5",
	"exitEOF w70000 closeW",
}

var peerScripts = []string{
	"hello cn fin",
	"hello d5 cn fin",
	"hello d100000 fin",
	"hello d5 d70000 cn",
	"hello fin",
	"hello d5 rst",
	"hello cn rst",
	"hello stall rst",
	"hello d5 alert fin",
	"hello d9 cut",
	"hello d9 bad fin",
	"stall hello d5 take cn fin",
	"hello stall cn take",
	"hello",
	"hello d5",
	"fin",
	"rst",
	"bad fin",
}

var settings = []options{
	{pipe: 65536, window: 1 << 20, chunk: 1 << 20},
	{pipe: 65536, window: 1 << 20, chunk: 1 << 20, closeNotify: true, pool: &Pool{}},
	{pipe: 4096, window: 3000, chunk: 700, enforce: true, pool: &Pool{}},
	{pipe: 4096, window: 3000, chunk: 700, closeNotify: true, enforce: true},
}

// merges calls f with every order of a and b that keeps the order within each.
func merges(a, b []string, f func([]string)) {
	var walk func(prefix, a, b []string)
	walk = func(prefix, a, b []string) {
		if len(a) == 0 && len(b) == 0 {
			f(prefix)
			return
		}
		if len(a) > 0 {
			walk(append(prefix[:len(prefix):len(prefix)], a[0]), a[1:], b)
		}
		if len(b) > 0 {
			walk(append(prefix[:len(prefix):len(prefix)], b[0]), a, b[1:])
		}
	}
	walk(nil, a, b)
}

// every is which of the orders are tried: all, but with the race detector.
var every = 1

// TestInterleavings runs every prog against every peer, in every order of
// their actions, once with everything settled after each action and once with
// all actions before the tunnel's first step after the handshake's hello.
func TestInterleavings(t *testing.T) {
	t.Parallel()
	runs, orders := 0, 0
	for _, p := range progScripts {
		for _, q := range peerScripts {
			for i, o := range settings {
				merges(strings.Fields(p), strings.Fields(q), func(order []string) {
					if orders++; orders%every != 0 {
						return
					}
					for _, burst := range []bool{false, true} {
						runs++
						w := newWorld(o)
						if err := w.interleaving(order, burst); err != nil {
							t.Fatalf("settings %d, burst %v, %v: %v (tunnel: %v)", i, burst, order, err, w.err)
						}
					}
				})
			}
		}
	}
	t.Logf("%d runs", runs)
}

func (w *world) interleaving(order []string, burst bool) error {
	if burst {
		for _, a := range order {
			w.do(a)
			w.prog()
		}
	} else if err := w.run(order...); err != nil {
		return err
	}
	if w.exitEOF && !w.saidGoodbye && w.fault == "" {
		// prog and peer talk on: the tunnel must not end by itself.
		if err := w.settle(); err != nil {
			return err
		}
		if w.done {
			return errors.New("ended while both sides were there")
		}
		w.do("fin")
	}
	// A peer that stays is waited for a short while.
	if err := w.finish(2*time.Minute + 30*time.Second); err != nil {
		return err
	}
	if w.now > 3*time.Second {
		return fmt.Errorf("took %v", w.now)
	}
	if err := w.check(); err != nil {
		return err
	}
	return w.judge(order)
}

// judge holds the outcome against what the script can explain.
func (w *world) judge(order []string) error {
	all := strings.Join(order, " ")
	has := func(a string) bool { return strings.Contains(" "+all+" ", " "+a+" ") }
	data, closeNotify, alert := w.received()
	var tls *backend.Error
	var net *NetworkError
	switch {
	case w.err == nil:
	case errors.Is(w.err, ErrNoCloseNotify):
		if !w.t.Enforce || has("cn") {
			return errors.New("a close_notify is missed")
		}
		return nil
	case errors.As(w.err, &net):
		if !has("rst") {
			return errors.New("a reset that nobody sent")
		}
		return nil
	case errors.As(w.err, &tls):
		if w.fault == "" && has("hello") {
			return errors.New("an error without a fault")
		}
		if w.fault == "bad" && !alert && !w.net.Out.Fin {
			return errors.New("no alert")
		}
		return nil
	default:
		return errors.New("unexpected")
	}
	// A normal end.
	if !has("hello") {
		return errors.New("no handshake, yet a normal end")
	}
	if !w.net.Out.Fin && !w.rst {
		return errors.New("no FIN")
	}
	if w.t.CloseNotify && !closeNotify && !w.rst {
		return errors.New("no close_notify")
	}
	if !w.t.CloseNotify && closeNotify {
		return errors.New("a close_notify without -S")
	}
	if len(data) != len(w.wrote) && w.t.Stats.Unacked == 0 {
		return errors.New("bytes are missing")
	}
	return nil
}
