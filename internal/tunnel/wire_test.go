package tunnel

import (
	"bytes"
	"testing"
)

// Nothing of what a queue held is left in the memory that it gives back,
// wherever in the buffer it was meanwhile; of cleartext nothing is left once it
// is out of the queue.
func TestQueueWipes(t *testing.T) {
	for _, back := range []string{"skip", "wipe", "release"} {
		pool := &Pool{}
		q := queue{pool: pool, secret: back != "release"}
		secret := bytes.Repeat([]byte("s"), 1000)
		whole := q.space()
		for range 200 { // around the end of the buffer, more than once
			for room := q.space(); len(room) > 0 && q.len() < 3000; room = q.space() {
				q.grow(copy(room, secret))
			}
			q.skip(2000)
			if n := bytes.Count(whole, []byte("s")); q.secret && n != q.len() {
				t.Fatalf("%d bytes in memory, %d in the queue", n, q.len())
			}
		}
		if back == "wipe" {
			q.wipe()
		}
		q.skip(q.len())
		if back == "release" {
			q.release()
		}
		if i := bytes.IndexByte(whole, 's'); i >= 0 {
			t.Errorf("%s: byte %d is left", back, i)
		}
	}
}
