//go:build cgo && (amd64 || arm64)

package sandbox

// bySignal: there may be threads of C.
const bySignal = true

// withC is who may make the calls of a C library.
const withC = everybody
