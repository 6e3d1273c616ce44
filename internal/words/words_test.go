package words

import (
	"math/big"
	"strings"
	"testing"
	"unsafe"
)

func TestFormat(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 9: "9", 10: "10", 12345: "12345", 1<<64 - 1: "18446744073709551615"} {
		if got := new(Digits).Format(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestLists(t *testing.T) {
	list := []string{"a", "", "b=c"}
	var c []*byte
	for _, s := range list {
		c = append(c, unsafe.StringData(s+"\x00"))
	}
	system := List{V: uintptr(unsafe.Pointer(&c[0])), N: len(c)}
	own := Of(list)
	for i, want := range list {
		if system.At(i) != want || own.At(i) != want {
			t.Errorf("word %d is %q and %q, want %q", i, system.At(i), own.At(i), want)
		}
	}
}

func TestStrings(t *testing.T) {
	words := []string{"", "a", "ab", "b", "a\xff", "a\x00", "A"}
	for _, a := range words {
		for _, b := range words {
			if Less(a, b) != (a < b) {
				t.Errorf("%q, %q", a, b)
			}
		}
		before, after, found := Cut(a, 'b')
		if x, y, z := strings.Cut(a, "b"); before != x || after != y || found != z {
			t.Errorf("%q is cut to %q, %q", a, before, after)
		}
	}
}

// FuzzNumber: decimal digits up to 4294967295, and nothing else.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"", "0", "007", "4294967295", "4294967296", "+1", "-1", "1 ", "0x1", "1_0", "٣", "99999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Number(s)
		n, digits := new(big.Int).SetString(s, 10)
		want := s != "" && strings.Trim(s, "0123456789") == "" && digits && n.IsUint64() && n.Uint64() < 1<<32
		if ok != want || ok && uint64(got) != n.Uint64() {
			t.Errorf("%q: %d, %v", s, got, ok)
		}
	})
}
