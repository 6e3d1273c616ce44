package guard

import (
	"bytes"
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	one := meter{Policy: OneConnection}
	if !one.use(5) || one.use(4) || !one.use(5) {
		t.Error("a pair")
	}
	if one.done() || one.sign(0) != 0 || !one.done() {
		t.Error("one signature")
	}
	many := meter{}
	for pair := range uint32(100) {
		if !many.use(pair) || many.sign(0) != 0 || many.done() {
			t.Error("no bounds")
		}
	}

	// At most burst at once, and rate in a second: no second has more than both.
	rate := meter{Policy: Policy{PerSecond: 10, Burst: 5}}
	count := func(from, to, step time.Duration) (n int) {
		for now := from; now < to; now += step {
			if rate.sign(now) == 0 {
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

// TestRate: a service that is asked for more than its rate makes its other
// side wait, and refuses nothing.
func TestRate(t *testing.T) {
	now, slept := time.Duration(0), time.Duration(0)
	var requests []request
	for range 25 {
		requests = append(requests, signature)
	}
	conn := &pipe{Reader: bytes.NewReader(input(requests...))}
	s := Service{
		Keys: &testKeys{}, Server: true, Policy: Policy{PerSecond: 10, Burst: 5},
		Clock: func() time.Duration { return now },
		Sleep: func(d time.Duration) {
			if d <= 0 || d > time.Second/10 {
				t.Errorf("sleeps for %v", d)
			}
			now, slept = now+d, slept+d
		},
	}
	if err := s.Serve(conn); err != nil {
		t.Fatal(err)
	}
	g := Guard{conn: &pipe{Reader: &conn.Buffer}}
	for i := range requests {
		if _, err := g.answer(); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	if slept != 2*time.Second {
		t.Errorf("25 signatures at 10 a second and 5 at once took %v", slept)
	}
}
