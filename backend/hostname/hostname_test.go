package hostname

import (
	"strings"
	"testing"
)

var (
	label   = strings.Repeat("a", 63)
	name253 = strings.Repeat(label+".", 3) + strings.Repeat("b", 61)
)

func TestNames(t *testing.T) {
	const (
		no    = iota
		inUse // with an underscore
		valid
	)
	for name, want := range map[string]int{
		"a": valid, "localhost": valid, "FOO.Example.com": valid, "a-b.c": valid, "a--b": valid, "xn--bcher-kva.example": valid,
		"1.example": valid, "3com": valid, "4.4.8.8.x": valid, "example.123a": valid, "1-2": valid, label + ".x": valid, name253: valid,
		"a_b.example": inUse, "_smtp.example.org": inUse, "_": inUse, "1_": inUse, "a._": inUse,
		"": no, ".": no, "..": no, "a.": no, ".a": no, "a..b": no, "a..": no,
		"-": no, "-a": no, "a-": no, "-rf": no, "--help": no, "x.-a": no, "x.a-": no, "-x.a": no, "x-.a": no, "-_": no,
		"1": no, "127": no, "1.2.3": no, "127.0.0.1": no, "a.1": no, "a_b.7": no, "::1": no, "[::1]": no, "fe80::1%eth0": no,
		"a b": no, "a\nb": no, "a\x00b": no, "a\x7f": no, "\xff": no, "bücher.example": no, "a\u202eb": no, "\u212a": no, // the Kelvin sign, which is a K in upper case
		"$(id)": no, "a/b": no, "*.example.net": no, "a.example:25": no, "@": no, "[": no, "`": no, "{": no, "\r": no, "\x10": no,
		label + "a": no, "x." + label + "a.y": no, name253 + "b": no, strings.Repeat("a.", 126) + "ab": no,
	} {
		if Valid(name) != (want == valid) || InUse(name) != (want != no) {
			t.Errorf("%q: %t, %t", name, Valid(name), InUse(name))
		}
	}
}

// TestBytes: every byte in every place of a label.
func TestBytes(t *testing.T) {
	for c := range 256 {
		b := string([]byte{byte(c)})
		letter := len(b) == 1 && strings.Contains("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", b)
		digit := strings.Contains("0123456789", b)
		for name, want := range map[string]bool{
			b: letter, b + "a": letter || digit, "a" + b: letter || digit, "a" + b + "a": letter || digit || b == "-" || b == ".",
			"a." + b: letter, b + ".a": letter || digit,
		} {
			if Valid(name) != want {
				t.Errorf("%q: %t", name, !want)
			}
			if got := InUse(name); got != (want || b == "_") {
				t.Errorf("%q, underscores: %t", name, got)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	found := false
	if n := testing.AllocsPerRun(100, func() { found = Valid(name253) && !InUse("a_b.-") }); n != 0 || !found {
		t.Errorf("%v allocations, %t", n, found)
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range []string{"a.example", "a.", "-a", "1.2.3.4", "a_b", name253} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		want := name != "" && len(name) <= 253
		last := ""
		for l := range strings.SplitSeq(name, ".") {
			want = want && l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-' &&
				strings.Trim(l, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
			last = l
		}
		want = want && strings.Trim(last, "0123456789") != ""
		if Valid(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
		if Valid(name) && !InUse(name) || InUse(name) != Valid(strings.ReplaceAll(name, "_", "x")) && strings.Contains(name, "_") {
			t.Errorf("%q, underscores: %t", name, InUse(name))
		}
	})
}

func TestLower(t *testing.T) {
	for name, want := range map[string]string{"": "", "A-z.EXAMPLE": "a-z.example", "@[`{": "@[`{", "\u212aÜ": "\u212aÜ", "\xff": "\xff"} {
		if got := Lower(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
