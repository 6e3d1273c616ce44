//go:build linux && (amd64 || arm64)

package fast

import "unsafe"

// view is the n bytes at p as a string, which lives as long as they do.
func view(p unsafe.Pointer, n int) string {
	header := struct {
		p unsafe.Pointer
		n int
	}{p, n}
	return *(*string)(unsafe.Pointer(&header))
}

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

// less tells whether a comes before b, byte by byte.
func less(a, b string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && s[:len(prefix)] == prefix
}

// number reads decimal digits, as option.Number does.
func number(s string) (n uint32, ok bool) {
	if s == "" {
		return 0, false
	}
	var sum uint64
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if sum = sum*10 + uint64(s[i]-'0'); sum > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(sum), true
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
	var d digits
	b.add(d.format(n))
}

// digits is room for a number.
type digits [20]byte

// format gives n in decimal digits, as a view of d.
func (d *digits) format(n uint64) string {
	i := len(d) - 1
	for d[i] = '0' + byte(n%10); n >= 10 && i > 0; d[i] = '0' + byte(n%10) {
		n /= 10
		i--
	}
	return view(unsafe.Pointer(&d[i]), len(d)-i)
}

// from is the address of what was added since the buffer held mark bytes.
func (b *buffer) from(mark int) uintptr { return uintptr(unsafe.Pointer(&b.b[mark])) }
