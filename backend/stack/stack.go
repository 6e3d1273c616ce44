// Package stack makes a goroutine's stack as large as a handshake wants it.
package stack

// Grow does that for its caller, while there is not much on it yet. It would
// grow there all the same, in steps that each copy what is on it by then.
func Grow() { grow(false) }

// grow has a large frame, which its entry makes room for; using it would only
// be work.
//
//go:noinline
func grow(use bool) {
	if use {
		var frame [24 << 10]byte
		touch(&frame)
	}
}

//go:noinline
func touch(frame *[24 << 10]byte) { frame[0] = 1 }
