package guard

import "time"

// A Policy is how much a guard does. The zero value allows everything.
type Policy struct {
	// OnePair: the first pair that is named is the only one.
	OnePair bool
	// Signatures is how many there are; with the last one the guard ends. 0: any number.
	Signatures int
	// PerSecond is how many there are in a second, in the long run, and Burst
	// how many at once. What is above that waits for its turn. 0: any number.
	PerSecond, Burst int
}

// OneConnection is the policy of a guard that an -io starts for itself.
var OneConnection = Policy{OnePair: true, Signatures: 1}

// Shared is the policy of a guard that a shared tunnel process has for as long
// as it lives: above what two processors do in handshakes, and a bound all the same.
var Shared = Policy{PerSecond: 2000, Burst: 4000}

// A meter counts for a policy.
type meter struct {
	Policy
	pair    uint32
	named   bool
	signed  int
	unspent time.Duration // saved up, in time
	last    time.Duration
	started bool
}

// use reports whether a pair may be used.
func (m *meter) use(pair uint32) bool {
	if m.OnePair && m.named && m.pair != pair {
		return false
	}
	m.pair, m.named = pair, true
	return true
}

// sign counts a signature at now, a time that never goes back, if it may be
// made. If not it gives the time after which it may.
func (m *meter) sign(now time.Duration) (wait time.Duration) {
	if m.PerSecond > 0 {
		price := time.Second / time.Duration(m.PerSecond)
		full := price * time.Duration(max(m.Burst, 1))
		if !m.started {
			m.started, m.unspent = true, full
		} else {
			m.unspent = min(full, m.unspent+now-m.last)
		}
		m.last = now
		if m.unspent < price {
			return price - m.unspent
		}
		m.unspent -= price
	}
	m.signed++
	return 0
}

// done reports whether that was the last signature.
func (m *meter) done() bool { return m.Signatures > 0 && m.signed >= m.Signatures }
