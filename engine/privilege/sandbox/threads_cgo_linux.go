//go:build cgo && (amd64 || arm64)

package sandbox

// bySignal: there may be threads of C.
const bySignal = true
