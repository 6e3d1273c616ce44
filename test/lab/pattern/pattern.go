// Package pattern is what tests send, and check on the other side.
package pattern

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// The pattern is a stream of which any part can be told from any other near
// it. Its period is prime, so that records and buffers that are lost, doubled
// or exchanged show up at once.
const period = 65521

var block = func() []byte {
	b := make([]byte, period)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return append(b, b...)
}()

// At gives n bytes, period at most, from an offset on.
func At(offset, n int) []byte {
	from := offset % period
	return block[from : from+min(n, period)]
}

// Of gives the first n bytes.
func Of(n int) []byte { return Slice(0, n) }

// Slice gives n bytes from an offset on, in memory of their own.
func Slice(offset, n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		b = append(b, At(offset+len(b), n-len(b))...)
	}
	return b
}

// A Checker is written what should be the pattern.
type Checker struct {
	N   int64 // how much it was
	Err error // the first fault
}

func (c *Checker) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		want := At(int(c.N%period), len(rest))
		if c.Err == nil && !bytes.Equal(rest[:len(want)], want) {
			c.Err = fmt.Errorf("wrong bytes after %d", c.N)
		}
		c.N += int64(len(want))
		rest = rest[len(want):]
	}
	return len(p), nil
}
