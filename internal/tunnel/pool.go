package tunnel

// A Pool lends buffers to the tunnels of one loop: one at a time is at work
// there, so a handful serves ten thousand that are idle. It has one owner.
type Pool struct{ free [][]byte }

// maxFree is how many buffers a Pool keeps for the next tunnel.
const maxFree = 8

// get gives an empty buffer of bufferSize. A nil pool makes a new one.
func (p *Pool) get() []byte {
	if p == nil || len(p.free) == 0 {
		return make([]byte, 0, bufferSize)
	}
	last := len(p.free) - 1
	b := p.free[last]
	p.free = p.free[:last]
	return b
}

// put takes a buffer back. What its first n bytes hold may be another
// session's cleartext tomorrow, so it is wiped.
func (p *Pool) put(b []byte, n int) {
	b = b[:cap(b)]
	clear(b[:n])
	if cap(b) == bufferSize && len(p.free) < maxFree {
		p.free = append(p.free, b[:0])
	}
}
