package proc

import (
	"net"
	"testing"

	"ucspitls/test/lab/loopback"
)

func TestParseStat(t *testing.T) {
	for line, want := range map[string]struct {
		name   string
		parent int
		ok     bool
	}{
		"12 (cat) S 7 12 12 0": {"cat", 7, true},
		"12 (a) (b) c) S 9 1":  {"a) (b) c", 9, true},
		"12 cat":               {},
		"":                     {},
	} {
		if p, ok := parse(line); p.Name != want.name || p.Parent != want.parent || ok != want.ok {
			t.Errorf("%q: %+v %v", line, p, ok)
		}
	}
}

func TestListening(t *testing.T) {
	l, err := loopback.Listen()
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if !Listening(port) {
		t.Error("an open listener was not found")
	}
	l.Close()
	if Listening(port) {
		t.Error("a closed listener was found")
	}
}
