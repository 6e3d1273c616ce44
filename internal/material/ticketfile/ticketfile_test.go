package ticketfile

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// line is a key of n bytes, all of them c.
func line(c byte, n int) string {
	return "2026-01-31T04:00:00Z " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{c}, n)) + "\n"
}

func TestParse(t *testing.T) {
	good := line('a', 32)
	for name, c := range map[string]struct {
		text string
		keys int
		flaw string
	}{
		"nothing":          {"", 0, ""},
		"comments":         {"\n# a\n  # b\n\t\n", 0, ""},
		"one":              {good, 1, ""},
		"no newline":       {strings.TrimSpace(good), 1, ""},
		"CRLF":             {strings.ReplaceAll("# a\n"+good+line('b', 64), "\n", "\r\n"), 2, ""},
		"blanks":           {" \t" + strings.Replace(good, " ", "  \t", 1), 1, ""},
		"another zone":     {strings.Replace(good, "Z", "+02:00", 1), 1, ""},
		"in any order":     {good + strings.Replace(line('b', 32), "2026", "2030", 1), 2, ""},
		"64 keys":          {many(64), 64, ""},
		"65 keys":          {many(65), 0, "line 65: more than 64 keys"},
		"duplicate":        {good + "#\n" + good, 0, "line 3: the same key as in another line"},
		"short":            {line('a', 31), 0, "line 1: the key is too short (32 bytes at least)"},
		"empty key":        {"# x\n2026-01-31T04:00:00Z ====\n", 0, "line 2: the key is not in base64"},
		"long":             {line('a', 65), 0, "line 1: the key is too long (64 bytes at most)"},
		"zeros":            {line(0, 32), 0, "line 1: the key is all zeros"},
		"no time":          {good[21:], 0, "line 1: not a time and a key"},
		"no key":           {good[:20], 0, "line 1: not a time and a key"},
		"three words":      {good[:len(good)-1] + " x\n", 0, "line 1: not a time and a key"},
		"bad time":         {strings.Replace(good, "01-31", "02-31", 1), 0, "line 1: not a time like 2026-01-31T04:00:00Z"},
		"before 1970":      {strings.Replace(good, "2026", "1969", 1), 0, "line 1: not a time like 2026-01-31T04:00:00Z"},
		"after 9999":       {"9999-12-31T23:59:59-01:00 " + good[21:], 0, "line 1: not a time like 2026-01-31T04:00:00Z"},
		"bad base64":       {strings.Replace(good, "=", "*", 1), 0, "line 1: the key is not in base64"},
		"URL base64":       {strings.Replace(line(0xff, 32), "/", "_", 1), 0, "line 1: the key is not in base64"},
		"stray bits":       {strings.Replace(good, "E=", "F=", 1), 0, "line 1: the key is not in base64"},
		"comment behind":   {good[:len(good)-1] + " # x\n", 0, "line 1: not a time and a key"},
		"a private key":    {"-----BEGIN PRIVATE KEY-----\nMIG\n", 0, "line 1: not a time and a key"},
		"a binary file":    {"\x7fELF\x00\x00\x01", 0, "line 1: not a time and a key"},
		"full of comments": {strings.Repeat("#\n", MaxSize/2), 0, ""},
		"too large":        {strings.Repeat("#\n", MaxSize/2) + "\n", 0, "is larger than 16 KiB"},
	} {
		keys, err := Parse([]byte(c.text))
		flaw := ""
		if err != nil {
			flaw = err.Error()
		}
		if len(keys) != c.keys || flaw != c.flaw {
			t.Errorf("%s: %d keys, %q, want %d, %q", name, len(keys), flaw, c.keys, c.flaw)
		}
	}
}

func many(n int) (text string) {
	for i := range n {
		text += line(byte(i+1), 32)
	}
	return text
}

func TestFormat(t *testing.T) {
	in := []Key{{time.Date(2026, 1, 31, 5, 0, 0, 0, time.FixedZone("", 3600)), bytes.Repeat([]byte{1}, 32)}, {time.Unix(0, 0), bytes.Repeat([]byte{2}, 48)}}
	text := Format(in)
	if !strings.HasSuffix(string(text), "\n2026-01-31T04:00:00Z AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n1970-01-01T00:00:00Z AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC\n") {
		t.Errorf("%s", text)
	}
	out, err := Parse(text)
	if err != nil || len(out) != 2 || !out[0].Made.Equal(in[0].Made) || !bytes.Equal(out[1].Secret, in[1].Secret) {
		t.Errorf("%v, %v", out, err)
	}
	if Wipe(out); !bytes.Equal(out[0].Secret, make([]byte, 32)) {
		t.Error("not wiped")
	}
}

// FuzzParse: whatever is accepted can be written and read again, shares no
// memory with the file, and is within the limits.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "# x\n", line('a', 32), line('a', 64) + line('b', 33), strings.Replace(line('a', 32), "Z", ".5+23:59", 1), many(65)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := Parse(data)
		if err != nil {
			if keys != nil {
				t.Fatal("keys beside an error")
			}
			return
		}
		if len(keys) > MaxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		text := Format(keys)
		clear(data)
		again, err := Parse(text)
		if err != nil || len(again) != len(keys) {
			t.Fatalf("%d keys became %d, %v", len(keys), len(again), err)
		}
		for i, k := range keys {
			if len(k.Secret) < MinKey || len(k.Secret) > MaxKey || !bytes.Equal(k.Secret, again[i].Secret) || k.Made.Unix() != again[i].Made.Unix() {
				t.Fatal("another key")
			}
		}
	})
}
