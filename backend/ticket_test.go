package backend

import (
	"bytes"
	"testing"
	"time"
)

// Each part of a context makes a difference, and none can pass for another.
func TestTicketContext(t *testing.T) {
	config := func(edit func(*ServerConfig)) *ServerConfig {
		c := &ServerConfig{Common: Common{MinVersion: TLS12, MaxVersion: TLS13, ALPN: []string{"ab", "c"}}}
		if edit != nil {
			edit(c)
		}
		return c
	}
	plain := config(nil)
	leaf := []byte("leaf")
	seen := map[string]string{}
	for name, context := range map[string][]byte{
		"plain":       plain.TicketContext("a.example", leaf, true),
		"name":        plain.TicketContext("b.example", leaf, true),
		"no name":     plain.TicketContext("", leaf, true),
		"moved":       plain.TicketContext("a.exampl", []byte("eleaf"), true),
		"certificate": plain.TicketContext("a.example", []byte("fael"), true),
		"ems":         plain.TicketContext("a.example", leaf, false),
		"optional":    config(func(c *ServerConfig) { c.Client = CertOptional }).TicketContext("a.example", leaf, true),
		"mandatory":   config(func(c *ServerConfig) { c.Client = CertMandatory }).TicketContext("a.example", leaf, true),
		"lowest":      config(func(c *ServerConfig) { c.MinVersion = TLS13 }).TicketContext("a.example", leaf, true),
		"highest":     config(func(c *ServerConfig) { c.MaxVersion = TLS12 }).TicketContext("a.example", leaf, true),
		"order":       config(func(c *ServerConfig) { c.ALPN = []string{"c", "ab"} }).TicketContext("a.example", leaf, true),
		"split":       config(func(c *ServerConfig) { c.ALPN = []string{"a", "bc"} }).TicketContext("a.example", leaf, true),
		"joined":      config(func(c *ServerConfig) { c.ALPN = []string{"abc"} }).TicketContext("a.example", leaf, true),
		"no protocol": config(func(c *ServerConfig) { c.ALPN = nil }).TicketContext("a.example", leaf, true),
	} {
		if other, ok := seen[string(context)]; ok {
			t.Errorf("%s is the same as %s", name, other)
		}
		seen[string(context)] = name
	}
	if !bytes.Equal(plain.TicketContext("A.Example", leaf, true), plain.TicketContext("a.example", leaf, true)) {
		t.Error("a name in capitals is another one")
	}
	// What a client's certificate is verified with is looked at anew, not here.
	if !bytes.Equal(config(func(c *ServerConfig) { c.Anchors, c.CRLs = [][]byte{leaf}, [][]byte{leaf} }).TicketContext("a", leaf, true), plain.TicketContext("a", leaf, true)) {
		t.Error("anchors make a difference")
	}
}

func TestTicketFresh(t *testing.T) {
	now := time.Now()
	for age, fresh := range map[time.Duration]bool{
		0: true, TicketLifetime: true, TicketLifetime + time.Second: false, -TicketLifetime: true, -TicketLifetime - time.Second: false,
		1<<63 - 1: false, -1 << 62: false,
	} {
		if TicketFresh(now.Add(-age), now) != fresh {
			t.Errorf("%v: fresh is %v", age, !fresh)
		}
	}
	if TicketFresh(time.Unix(-1<<62, 0), now) || TicketFresh(time.Unix(1<<62, 0), now) {
		t.Error("a time beyond all bounds is fresh")
	}
}

func TestTicketKeys(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, TicketKeyLen), bytes.Repeat([]byte{2}, TicketKeyLen+1)
	for _, c := range []struct {
		keys [][]byte
		good bool
		live int
	}{
		{nil, true, 0}, {[][]byte{a}, true, 1}, {[][]byte{a, b}, true, 2}, {[][]byte{a, b, a}, false, 3}, {[][]byte{a[1:]}, false, 1},
		{[][]byte{a, make([]byte, TicketKeyLen)}, true, 1}, {[][]byte{a, {}}, false, 1},
	} {
		s := &ServerConfig{TicketKeys: c.keys}
		if err := s.Check(); (err == nil) != c.good {
			t.Errorf("%d keys: %v", len(c.keys), err)
		}
		if n := len(s.LiveTicketKeys()); n != c.live {
			t.Errorf("%d of %d keys are live", n, len(c.keys))
		}
	}
}
