package cryptotls

// roomy makes the stack of a new goroutine as large as a handshake wants it,
// while there is nothing on it. It would grow there all the same, in steps that
// each copy what is on it by then.
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
