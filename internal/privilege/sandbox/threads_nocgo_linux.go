//go:build !cgo && (amd64 || arm64)

package sandbox

// bySignal: all threads are Go's.
const bySignal = false

// withC: there is no C library.
const withC Profile = 0
