package session

// roomy makes the main goroutine's stack as large as a session wants it, before
// there is much on it that each step of its growth would copy.
//
//go:noinline
func roomy(never bool) {
	if never {
		var frame [24 << 10]byte
		touch(&frame)
	}
}

//go:noinline
func touch(frame *[24 << 10]byte) { frame[0] = 1 }
