// Package wait is how a test waits for something: with a deadline, and no
// longer than it takes.
package wait

import (
	"testing"
	"time"
)

// Patience bounds every wait. The longest that a session may rightly take
// after its peer has gone is 2 s.
const Patience = 30 * time.Second

// Until looks until it is so, and reports whether it was before limit was over.
func Until(limit time.Duration, so func() bool) bool {
	for end := time.Now().Add(limit); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Eventually looks until what a test waits for is so, for what can't be waited
// for otherwise.
func Eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	if !Until(Patience, so) {
		t.Fatalf("waited %v for %s", Patience, what)
	}
}

// For waits until a channel is closed.
func For(t testing.TB, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(Patience):
		t.Fatalf("waited %v for %s", Patience, what)
	}
}
