package main

import (
	"io"
	"strings"
	"time"
)

// courts is how many connections are a sample of ping-pong: one that has its
// processes on one processor is much faster than one that has not.
const courts = 4

// pingPong sends 64 bytes to an echo and waits for them, again and again.
// The round trip is the mean of the connections' medians.
func pingPong(b *bench, t *target) (*work, error) {
	mean := 0.0
	for range courts {
		trips, err := t.play(b.trips)
		if err != nil {
			return nil, err
		}
		mean += median(trips) / courts
	}
	return &work{figures: sample{tripTime: mean}, cpu: tripCPU, units: float64(courts * b.trips), unit: time.Microsecond}, nil
}

const ballSize = 64

var ball = strings.Repeat("-", ballSize-1) + "\n"

// play gives the microseconds that each round trip took.
func (t *target) play(n int) ([]float64, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	trips := make([]float64, n)
	for i := range trips {
		begin := time.Now()
		if err := throw(c); err != nil {
			return nil, err
		}
		trips[i] = microseconds(time.Since(begin))
	}
	return trips, nil
}

// throw sends the ball to an echo and takes it back.
func throw(c io.ReadWriter) error {
	if _, err := io.WriteString(c, ball); err != nil {
		return err
	}
	got := make([]byte, ballSize)
	_, err := io.ReadFull(c, got)
	return err
}

// firstByte makes connections one after the other, and takes the time from
// before each one's start to prog's first byte, and to its last one.
func firstByte(b *bench, t *target) (*work, error) {
	first, last := make([]float64, b.connections), make([]float64, b.connections)
	buf := make([]byte, answerSize)
	for i := range first {
		begin := time.Now()
		c, err := t.connect()
		if err != nil {
			return nil, err
		}
		_, err = io.ReadFull(c, buf[:1])
		first[i] = milliseconds(time.Since(begin))
		if err == nil {
			_, err = io.ReadFull(c, buf[1:t.answer])
			last[i] = milliseconds(time.Since(begin))
		}
		if err == nil {
			err = expectEnd(c)
		}
		c.Close()
		if err != nil {
			return nil, err
		}
	}
	return &work{figures: sample{firstTime: median(first), lastTime: median(last)}}, nil
}
