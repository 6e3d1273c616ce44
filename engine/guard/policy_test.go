package guard

import (
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	one := meter{Policy: OneConnection}
	if !one.use(5) || !one.use(5) || one.use(4) || !one.use(5) {
		t.Error("a pair")
	}
	if one.done() || !one.sign(0) || !one.done() {
		t.Error("one signature")
	}
	many := meter{}
	for pair := range uint32(100) {
		if !many.use(pair) || !many.sign(0) || many.done() {
			t.Error("no bounds")
		}
	}

	// At most burst at once, and rate in a second: no second has more than both.
	rate := meter{Policy: Policy{PerSecond: 10, Burst: 5}}
	count := func(from, to, step time.Duration) (n int) {
		for now := from; now < to; now += step {
			if rate.sign(now) {
				n++
			}
		}
		return n
	}
	if n := count(0, time.Millisecond, 10*time.Microsecond); n != 5 {
		t.Errorf("%d at once", n)
	}
	if n := count(time.Millisecond, time.Second, time.Millisecond); n != 9 && n != 10 {
		t.Errorf("%d in a second", n)
	}
	if n := count(time.Hour, time.Hour+time.Millisecond, 10*time.Microsecond); n != 5 {
		t.Errorf("%d after an hour", n)
	}
	if n := count(2*time.Hour, 2*time.Hour+10*time.Second, 300*time.Millisecond); n != 34 {
		t.Errorf("%d below the rate, of 34", n)
	}
	if rate.done() {
		t.Error("the guard would end")
	}
}
