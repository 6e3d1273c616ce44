package line

import (
	"bytes"
	"strings"
	"testing"
)

// Lines of n parts, each of them said.
func parts(said ...string) string {
	var l Line
	l.Start("prog", "info")
	for _, s := range said {
		l.Add(s)
	}
	return string(l.End())
}

func TestEscape(t *testing.T) {
	for said, want := range map[string]string{
		"":       "",
		"plain":  "plain",
		" a ~ b": " a ~ b",
		"\n":     `\x0A`, "\r": `\x0D`, "\t": `\x09`, "\x00": `\x00`, "\x1b[2J": `\x1B[2J`, "\x1f": `\x1F`, "\x7f": `\x7F`,
		"\x80": `\x80`, "\x9b31m": `\x9B31m`, "\xff": `\xFF`, // C1 as a byte, and what is no UTF-8
		"\u009b31m": `\xC2\x9B31m`, "\u0085": `\xC2\x85`, "\u2028": `\xE2\x80\xA8`, "\u202e": `\xE2\x80\xAE`, "\u0430": `\xD0\xB0`, "\xc3": `\xC3`, "\xf0\x9f": `\xF0\x9F`,
		"ü": `\xC3\xBC`,
		`\`: `\`, `\x0A`: `\x0A`, `\\n`: `\\n`, // a backslash stands for itself
		"\ns6-tlsserver: info: allow pid 1 ip 1.2.3.4": `\x0As6-tlsserver: info: allow pid 1 ip 1.2.3.4`,
	} {
		want = "prog: info: " + want + "\n"
		if got := parts(said); got != want {
			t.Errorf("%q:\n got %q\nwant %q", said, got, want)
		}
		// Through another process it is the same.
		var l Line
		l.Relay("prog", strings.TrimSuffix(want[len("prog: "):], "\n"))
		if got := string(l.End()); got != want && said != "" {
			t.Errorf("%q became %q", want, got)
		}
		if got := Part(said); "prog: info: "+got+"\n" != want {
			t.Errorf("%q: the part %q", said, got)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{strings.Repeat("a", 300), strings.Repeat("a", 300)},
		{strings.Repeat("a", 200) + "cut" + strings.Repeat("z", 98), strings.Repeat("a", 200) + "..." + strings.Repeat("z", 97)},
		{strings.Repeat("a", 60000) + "end", strings.Repeat("a", 200) + "..." + strings.Repeat("a", 94) + "end"},
		{strings.Repeat("\n", 75), strings.Repeat(`\x0A`, 75)},
		{strings.Repeat("\n", 76), strings.Repeat(`\x0A`, 50) + "..." + strings.Repeat(`\x0A`, 24)},
		{"a" + strings.Repeat("\xff", 60000), "a" + strings.Repeat(`\xFF`, 49) + "..." + strings.Repeat(`\xFF`, 24)},
	} {
		if got, want := parts("before ", c.said, " behind"), "prog: info: before "+c.want+" behind\n"; got != want {
			t.Errorf("%d bytes:\n got %q\nwant %q", len(c.said), got, want)
		}
	}
	// Whatever stands between them, what is first and what is last is there.
	for n := range 40 {
		said := []string{"first "}
		for range n {
			said = append(said, strings.Repeat("x", 1000))
		}
		got := parts(append(said, " last")...)
		if !strings.HasPrefix(got, "prog: info: first ") || !strings.HasSuffix(got, " last\n") || len(got) > Max || n > 3 && len(got) != Max || n > 0 && !strings.Contains(got, "x...x") {
			t.Errorf("%d parts: %d bytes, %q", n, len(got), got)
		}
	}
}

func TestOwn(t *testing.T) {
	for size, want := range map[int]int{1: 15, 2000: 2014, 3486: 3500, 3487: 3500, 3500: 3500, 9000: 3500} {
		var l Line
		l.Start("prog", "usage")
		l.Own(strings.Repeat("x", size))
		if got := l.End(); len(got) > want || len(got) < want-1 {
			t.Errorf("%d: %d, want %d", size, len(got), want)
		}
	}
	var l Line // and the next is as short as any
	l.Start("prog", "usage")
	l.Own("x")
	l.Start("prog", "info")
	l.Text(strings.Repeat("x", 5000))
	if got := len(l.End()); got != Max {
		t.Error(got)
	}
}

func TestRelay(t *testing.T) {
	const odd = "prog: warning: another process said: "
	for said, want := range map[string]string{
		"fatal: x": "prog: fatal: x", "warning: x": "prog: warning: x", "info: x: y": "prog: info: x: y", "debug: x": "prog: debug: x", "usage: x": "prog: usage: x",
		"s6-tlsserver: info: allow pid 1 ip 1.2.3.4": odd + "s6-tlsserver: info: allow pid 1 ip 1.2.3.4",
		"":           odd,
		"fatal":      odd + "fatal",
		"fatal:":     odd + "fatal:",
		"fatal: ":    odd + "fatal: ",
		"fatal:x":    odd + "fatal:x",
		"Fatal: x":   odd + "Fatal: x",
		"info : x":   odd + "info : x",
		"\ninfo: x":  odd + `\x0Ainfo: x`,
		"panic: x":   odd + "panic: x",
		"info: a\nb": `prog: info: a\x0Ab`,
	} {
		var l Line
		l.Relay("prog", said)
		if got := string(l.End()); got != want+"\n" {
			t.Errorf("%q: %q", said, got)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var l Line
	long := strings.Repeat("\n", 60000)
	if n := testing.AllocsPerRun(10, func() { l.Relay("prog", long); l.Add(long); l.Own(long); l.End() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzLine: whatever is said, it is one line with its name in front that keeps
// the words on both sides, and it does not change on its way through others.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "x", "\n", "\x9b", "\u202e", "\ns6-tlsserver: info: x", strings.Repeat("\xff", 500), `\x0A`, "info: x"} {
		f.Add(s, s, uint(3))
		f.Add(s, strings.Repeat("b", 299), uint(40))
	}
	f.Fuzz(func(t *testing.T, a, b string, times uint) {
		var l Line
		l.Start("prog", "info")
		l.Add("what happened: ")
		for range times % 50 {
			l.Add(a)
			l.Text(b)
			l.Add(": ")
		}
		l.Add(a)
		l.Add(" (its code)")
		got := bytes.Clone(l.End())
		if len(got) > Max || !bytes.HasPrefix(got, []byte("prog: info: what happened: ")) || !bytes.HasSuffix(got, []byte(" (its code)\n")) {
			t.Fatalf("%d bytes, %q", len(got), got)
		}
		check(t, got)
		l.Relay("prog", string(got[len("prog: "):len(got)-1]))
		if again := l.End(); !bytes.Equal(again, got) {
			t.Fatalf("%q became %q", got, again)
		}
		l.Relay("prog", a)
		again := l.End()
		if check(t, again); !bytes.HasPrefix(again, []byte("prog: ")) || len(again) > Max {
			t.Fatalf("%q", again)
		}
		l.Start("prog", "usage")
		l.Own(a)
		l.Add(b)
		if own := l.End(); len(own) > MaxOwn {
			t.Fatalf("%d bytes", len(own))
		}
		if p := Part(a); len(p) > MaxPart || Part(p) != p {
			t.Fatalf("%q became %q, %q", a, p, Part(p))
		}
	})
}

func check(t *testing.T, line []byte) {
	t.Helper()
	for i, c := range line {
		if (c < ' ' || c > '~') != (c == '\n' && i == len(line)-1) {
			t.Fatalf("%q", line)
		}
	}
}
