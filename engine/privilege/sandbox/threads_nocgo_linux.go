//go:build !cgo && (amd64 || arm64)

package sandbox

// bySignal: all threads are Go's.
const bySignal = false
