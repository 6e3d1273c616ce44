// Package words reads and writes words and numbers without the Go runtime: it
// allocates nothing and calls nothing that does. A word is a string, or what C
// takes for one: bytes up to a NUL.
package words

import "unsafe"

// View is the n bytes at p as a string, which lives as long as they do.
func View(p unsafe.Pointer, n int) string {
	header := struct {
		p unsafe.Pointer
		n int
	}{p, n}
	return *(*string)(unsafe.Pointer(&header))
}

// Pointer is the address that is kept in n. What it points to is on no heap: the
// collector does not know of it.
func Pointer(n uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&n)) }

// Text is the C string at p.
func Text(p uintptr) string {
	n := 0
	for *(*byte)(unsafe.Add(Pointer(p), n)) != 0 {
		n++
	}
	return View(Pointer(p), n)
}

// C is a constant as the system wants it; s ends in NUL.
func C(s string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(s))) }

// A List is the words of a command line or the items of an environment, in the
// form of whoever has it: the system's vector, or Go's.
type List struct {
	V  uintptr // a vector of pointers, as execve has them
	Go []string
	N  int
}

// Of is the list of Go strings.
func Of(list []string) List { return List{Go: list, N: len(list)} }

// At is word i.
func (l *List) At(i int) string {
	if l.V != 0 {
		return Text(l.Pointer(i))
	}
	return l.Go[i]
}

// Pointer is the address of word i, in the system's form.
func (l *List) Pointer(i int) uintptr {
	return *(*uintptr)(unsafe.Add(Pointer(l.V), i*int(unsafe.Sizeof(l.V))))
}

// Index is where c is first in s, or -1.
func Index(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// Cut is s before and behind the first c.
func Cut(s string, c byte) (before, after string, found bool) {
	if i := Index(s, c); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// Less reports whether a comes before b, byte by byte.
func Less(a, b string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}

// Number reads decimal digits, 0 to 4294967295: no sign, no space, no prefix.
func Number(s string) (n uint32, ok bool) {
	sum := uint64(0)
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if sum = sum*10 + uint64(s[i]-'0'); sum > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(sum), s != ""
}

// Digits is room for a number.
type Digits [20]byte

// Format gives n in decimal digits, as a view of d.
func (d *Digits) Format(n uint64) string {
	i := len(d) - 1
	for d[i] = '0' + byte(n%10); n >= 10 && i > 0; d[i] = '0' + byte(n%10) {
		n /= 10
		i--
	}
	return View(unsafe.Pointer(&d[i]), len(d)-i)
}
