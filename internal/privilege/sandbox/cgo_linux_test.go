//go:build cgo

package sandbox

// Makes the test a program with cgo, as the tunnel on OpenSSL is one: threads
// are made by the C library then, and package syscall can't reach them.
import _ "runtime/cgo"
