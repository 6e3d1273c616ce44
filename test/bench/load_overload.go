package main

import (
	"fmt"
	"sync"
	"time"
)

// overload keeps more clients at it than the machine can serve, each of which
// comes back as soon as it is done, and then wants to be served as if nothing
// had been. What is late counts as well: a client waits as long as it likes.
func overload(b *bench, t *target) (*work, error) {
	type visit struct {
		handshake float64
		err       error
	}
	var mu sync.Mutex
	var all []visit
	var crowd sync.WaitGroup
	begin := time.Now()
	for range b.crowd {
		crowd.Go(func() {
			for time.Since(begin) < b.rush {
				handshake, err := t.timedVisit()
				mu.Lock()
				all = append(all, visit{milliseconds(handshake), err})
				mu.Unlock()
				if err != nil {
					time.Sleep(10 * time.Millisecond) // a refusal is quick
				}
			}
		})
	}
	crowd.Wait()
	took := time.Since(begin)
	if err := t.visit(); err != nil {
		return nil, fmt.Errorf("after the rush: %w", err)
	}
	var times []float64
	for _, v := range all {
		if v.err == nil {
			times = append(times, v.handshake)
		}
	}
	figures := sample{
		rushServed: 100 * float64(len(times)) / float64(len(all)),
		connRate:   float64(len(times)) / took.Seconds(),
	}
	if len(times) > 0 {
		figures[rushMedian], figures[rushLate] = median(times), quantile(times, 0.99)
	}
	return &work{figures: figures}, nil
}

// timedVisit is a visit, and how long it took until the handshake was done.
func (t *target) timedVisit() (time.Duration, error) {
	begin := time.Now()
	c, err := t.connect()
	handshake := time.Since(begin)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := expect(c, "ok\n"); err != nil {
		return 0, err
	}
	return handshake, expectEnd(c)
}
