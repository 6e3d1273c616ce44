package backendtest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"ucspitls/backend"
)

// patience is how long a peer is waited for. Only the tests of these tests
// have less.
var patience = 20 * time.Second

// A link is the network between a Wire, which never blocks, and the net.Conn
// of a crypto/tls peer, which does.
type link struct {
	mu      sync.Mutex
	moved   *sync.Cond
	in, out queue // to the Wire, from the Wire
	seen    [2][]byte
	blocked bool               // Wire.Read gives ErrAgain whatever is there
	split   func(have int) int // how much of what is there one Wire.Read gives; nil: all
}

type queue struct {
	data []byte
	fin  bool
}

func newLink() *link {
	l := &link{}
	l.moved = sync.NewCond(&l.mu)
	return l
}

// Read is Wire.Read.
func (l *link) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.in.data)
	switch {
	case l.blocked:
		return 0, backend.ErrAgain
	case n == 0 && l.in.fin:
		return 0, io.EOF
	case n == 0:
		return 0, backend.ErrAgain
	}
	if l.split != nil {
		if n = l.split(n); n == 0 {
			return 0, backend.ErrAgain
		}
	}
	n = copy(p, l.in.data[:n])
	l.in.data = l.in.data[n:]
	return n, nil
}

// Write is Wire.Write.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.data = append(l.out.data, p...)
	l.seen[1] = append(l.seen[1], p...)
	l.moved.Broadcast()
	return len(p), nil
}

// inject adds bytes as if the peer had sent them.
func (l *link) inject(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in.data = append(l.in.data, p...)
	l.moved.Broadcast()
}

// tamper changes what is under way to the Wire.
func (l *link) tamper(f func([]byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in.data = f(append([]byte(nil), l.in.data...))
}

// cut lets only the first n bytes arrive of what is under way, then a FIN. It
// gives the number that there were.
func (l *link) cut(n int) (had int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	had = len(l.in.data)
	l.in.data, l.in.fin = l.in.data[:min(n, had)], true
	return had
}

// finish ends the direction to the Wire, hangUp the one to the peer.
func (l *link) finish() { l.end(&l.in) }
func (l *link) hangUp() { l.end(&l.out) }

func (l *link) end(q *queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q.fin = true
	l.moved.Broadcast()
}

// await waits until there is something for the Wire to read.
func (l *link) await() bool {
	return l.wait(func() bool { return len(l.in.data) > 0 || l.in.fin })
}

func (l *link) written() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen[1])
}

func (l *link) wait(ready func() bool) bool {
	deadline := time.Now().Add(patience)
	timer := time.AfterFunc(patience, l.moved.Broadcast)
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !ready() {
		if time.Now().After(deadline) {
			return false
		}
		l.moved.Wait()
	}
	return true
}

// A far is the peer's end of a link.
type far struct{ *link }

func (f far) Read(p []byte) (n int, err error) {
	if !f.wait(func() bool { return len(f.out.data) > 0 || f.out.fin }) {
		return 0, os.ErrDeadlineExceeded
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.out.data) == 0 {
		return 0, io.EOF
	}
	n = copy(p, f.out.data)
	f.out.data = f.out.data[n:]
	return n, nil
}

func (f far) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.in.fin {
		return 0, net.ErrClosed
	}
	f.in.data = append(f.in.data, p...)
	f.seen[0] = append(f.seen[0], p...)
	f.moved.Broadcast()
	return len(p), nil
}

func (f far) Close() error                   { f.finish(); return nil }
func (far) SetDeadline(time.Time) error      { return nil }
func (far) SetReadDeadline(time.Time) error  { return nil }
func (far) SetWriteDeadline(time.Time) error { return nil }
func (far) LocalAddr() net.Addr              { return nil }
func (far) RemoteAddr() net.Addr             { return &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)} } // a client without a server name makes a key of it
