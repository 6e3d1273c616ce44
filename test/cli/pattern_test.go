//go:build linux

package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// The pattern is a stream of which any part can be told from any other near
// it. Its period is prime, so that records and buffers that are lost, doubled
// or exchanged show up at once.
const period = 65521

var patternBlock = func() []byte {
	b := make([]byte, period)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return append(b, b...)
}()

// patternAt gives n bytes, period at most, from an offset on.
func patternAt(offset, n int) []byte {
	from := offset % period
	return patternBlock[from : from+min(n, period)]
}

// patternOf gives the first n bytes.
func patternOf(n int) []byte {
	var b []byte
	for len(b) < n {
		b = append(b, patternAt(len(b), n-len(b))...)
	}
	return b
}

// A checker is written what should be the pattern.
type checker struct {
	n   int64
	err error
}

func (c *checker) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		want := patternAt(int(c.n%period), len(rest))
		if c.err == nil && !bytes.Equal(rest[:len(want)], want) {
			c.err = fmt.Errorf("wrong bytes after %d", c.n)
		}
		c.n += int64(len(want))
		rest = rest[len(want):]
	}
	return len(p), nil
}

func TestCheckerSeesEveryFault(t *testing.T) {
	const n = 300000
	good := patternOf(n)
	for _, c := range []struct {
		name string
		data []byte
		ok   bool
	}{
		{"good", good, true},
		{"a record is missing", append(bytes.Clone(good[:32768]), good[49152:]...), false},
		{"a record comes twice", append(bytes.Clone(good[:32768]), good[16384:]...), false},
		{"two are exchanged", append(append(bytes.Clone(good[:16384]), good[32768:49152]...), good[16384:]...), false},
		{"a period is missing", good[period:], true}, // this is what the length is for
	} {
		var k checker
		k.Write(c.data)
		if (k.err == nil) != c.ok || k.n != int64(len(c.data)) {
			t.Errorf("%s: %v, %d bytes", c.name, k.err, k.n)
		}
	}
}
