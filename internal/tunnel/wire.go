package tunnel

import (
	"io"

	"ucspitls/backend"
)

const (
	bufferSize = 64 << 10  // of each direction, on the network and on the local side
	maxUnsent  = 64 << 10  // encrypted output above which nothing more is read from prog
	maxReplies = 256 << 10 // ... and above which the TLS library is given no input
)

// A Wire is the network as a backend sees it: two queues. The tunnel fills
// one and drains the other; only it knows about descriptors.
type Wire struct {
	rx, tx queue
	eof    bool // the peer's FIN stands behind rx
	intake int  // how much of rx the TLS library may still have in this Step
}

var _ backend.Wire = (*Wire)(nil)

// NewWire makes an empty wire.
func NewWire() *Wire { return &Wire{intake: maxIntake} }

// Read implements backend.Wire. It holds back input while more output waits
// than prog's alone can be: a peer that only sends KeyUpdates would make it
// grow. Below that the directions are independent, for a peer may well write
// everything before it reads.
func (w *Wire) Read(p []byte) (int, error) {
	switch {
	case w.tx.len() > maxReplies:
		return 0, backend.ErrAgain
	case w.rx.len() > 0:
		if w.intake <= 0 {
			return 0, backend.ErrAgain
		}
		n := w.rx.read(p[:min(len(p), w.intake)])
		w.intake -= n
		return n, nil
	case w.eof:
		return 0, io.EOF
	}
	return 0, backend.ErrAgain
}

// Write implements backend.Wire.
func (w *Wire) Write(p []byte) (int, error) {
	w.tx.append(p)
	return len(p), nil
}

// A queue is a first-in first-out of bytes in one slice.
//
// With a pool it borrows its memory there, and gives it back in release when
// it is empty; without one it keeps what it has.
type queue struct {
	b    []byte
	head int
	used int // how much of b held something since it was borrowed
	pool *Pool
	// secret: it holds cleartext. What leaves it is wiped at once, so that
	// everything in b that is not in the queue is zero.
	secret bool
}

func (q *queue) len() int      { return len(q.b) - q.head }
func (q *queue) bytes() []byte { return q.b[q.head:] }

func (q *queue) append(p []byte) {
	if q.b == nil && len(p) <= bufferSize {
		q.b = q.pool.get()
	}
	if q.head > 0 && len(q.b)+len(p) > cap(q.b) {
		q.compact()
	}
	q.b = append(q.b, p...)
}

// compact moves what is left to the beginning.
func (q *queue) compact() {
	old := q.b
	q.b = q.b[:copy(q.b, q.b[q.head:])]
	q.head = 0
	if q.secret {
		clear(old[len(q.b):])
	} else {
		q.used = max(q.used, len(old))
	}
}

func (q *queue) read(p []byte) int {
	n := copy(p, q.bytes())
	q.skip(n)
	return n
}

// skip forgets the first n bytes. An emptied queue starts over, and gives
// back memory that a burst took.
func (q *queue) skip(n int) {
	if q.secret {
		clear(q.b[q.head:][:n])
	}
	q.head += n
	if q.head < len(q.b) {
		return
	}
	q.empty()
	if cap(q.b) > 4*bufferSize {
		q.b, q.used = nil, 0
	}
}

func (q *queue) empty() {
	if !q.secret {
		q.used = max(q.used, len(q.b))
	}
	q.b, q.head = q.b[:0], 0
}

// release gives an empty queue's memory back to its pool.
func (q *queue) release() {
	if q.pool != nil && q.b != nil && q.len() == 0 {
		q.empty()
		q.pool.put(q.b, q.used)
		q.b, q.used = nil, 0
	}
}

// space gives room for at least one byte behind the queue's end; grow tells
// how much of it was used.
func (q *queue) space() []byte {
	if q.b == nil {
		q.b = q.pool.get()
	}
	if q.head > 0 && len(q.b) == cap(q.b) {
		q.compact()
	}
	return q.b[len(q.b):cap(q.b)]
}

func (q *queue) grow(n int) { q.b = q.b[:len(q.b)+n] }

// wipe empties the queue of cleartext that nobody wants any more.
func (q *queue) wipe() { q.skip(q.len()) }
