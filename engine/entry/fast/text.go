//go:build linux && (amd64 || arm64)

package fast

import (
	"unsafe"

	"ucspitls/engine/words"
)

func view(p unsafe.Pointer, n int) string { return words.View(p, n) }

// text is the C string at p.
func text(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return view(p, n)
}

// word is a constant as the kernel wants it; c ends in NUL.
func word(c string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(c))) }

// at is element i of a vector of pointers, as execve has them.
func at(vector unsafe.Pointer, i int) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(vector, i*8))
}

// index is where c is first in s, or -1.
func index(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return i
		}
	}
	return -1
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && s[:len(prefix)] == prefix
}

// A buffer collects text in memory of its owner; what does not fit sets full.
type buffer struct {
	n    int
	full bool
	b    [4096]byte
}

func (b *buffer) add(s string) {
	for i := 0; i < len(s); i++ {
		b.byte(s[i])
	}
}

func (b *buffer) byte(c byte) {
	if b.n >= len(b.b) {
		b.full = true
		return
	}
	b.b[b.n] = c
	b.n++
}

// number adds n in decimal digits.
func (b *buffer) number(n uint64) {
	var d words.Digits
	b.add(d.Format(n))
}

// from is the address of what was added since the buffer held mark bytes.
func (b *buffer) from(mark int) uintptr { return uintptr(unsafe.Pointer(&b.b[mark])) }
