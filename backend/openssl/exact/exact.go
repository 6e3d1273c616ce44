//go:build openssl && cgo

// Package exact is for the tests of the C layer: bytes that are followed by
// memory that nobody may read.
package exact

// #include <stdlib.h>
import "C"

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// Each calls f with copies of b: one is a block of C's heap of just this
// length, for the address sanitizer, which sees what our own code does; the
// other ends where its page does, for what libcrypto does.
func Each(t testing.TB, b []byte, f func([]byte)) {
	t.Helper()
	block := C.malloc(C.size_t(len(b)))
	heap := unsafe.Slice((*byte)(block), len(b))
	copy(heap, b)
	f(heap)
	C.free(block)

	page := os.Getpagesize()
	room := (len(b) + page - 1) / page * page
	mapped, err := syscall.Mmap(-1, 0, room+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mapped)
	if err := syscall.Mprotect(mapped[room:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	end := mapped[room-len(b) : room : room]
	copy(end, b)
	f(end)
}
