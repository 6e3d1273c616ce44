package handover

import (
	"reflect"
	"strings"
	"testing"

	"ucspitls/engine/option"
)

var full = Session{ID: "12", Remote: "192.0.2.1", Verbosity: 3, CloseNotify: true, Enforce: true, Timeout: 4294967295, Idle: "5", Linger: "7", Delayed: true}

func TestHello(t *testing.T) {
	for _, s := range []Session{full, {}, {ID: "1", Verbosity: 1}} {
		mine := []string{"-y=2", "CERTFILE=/x", "KEYFILE=a=b"}
		got, configuration, why := ParseHello(AppendHello(nil, &s, mine))
		if got != s || why != "" || string(configuration) != string(AppendConfiguration(nil, mine)) {
			t.Errorf("%+v: %+v, %q, %s", s, got, configuration, why)
		}
	}
}

func TestHelloRefused(t *testing.T) {
	for hello, want := range map[string]string{
		"": "message", "H": "message", "X\x01\x00\x00": "message", "H\x02\x00\x00": "protocol version",
		"H\x01": "message", "H\x01id=1\x00": "message", "H\x01id=1": "message",
		"H\x01id=x\x00\x00": "id", "H\x01id\x00\x00": "id", "H\x01id=00000000001\x00\x00": "id", "H\x01-S=2\x00\x00": "-S", "H\x01-K=-1\x00\x00": "-K",
		"H\x01idle=1s\x00\x00": "idle", "H\x01more=1\x00\x00": "more", "H\x01-v=4294967296\x00\x00": "-v",
	} {
		if _, _, why := ParseHello([]byte(hello)); why != want {
			t.Errorf("%q: %q, want %q", hello, why, want)
		}
	}
}

func TestDiffers(t *testing.T) {
	config := func(items ...string) []byte { return AppendConfiguration(nil, items) }
	for _, tt := range []struct {
		mine, theirs []byte
		want         string
	}{
		{config("-y=2", "A=1"), config("A=1"), "-y"},
		{config("A=1"), config("-y=2", "A=1"), "-y"},
		{config("A=1", "B=2"), config("A=1", "B=3"), "B"},
		{config("A=1"), config("A=1", "B=2"), "B"},
		{config("A=1", "C=1"), config("A=1", "B=2"), "B"},
		{config(), config("A=1"), "A"},
		{config("A=1"), []byte("A=1\x00\x00\x00"), "configuration"},
		{config("A=1"), []byte("A=1"), "configuration"},
	} {
		if got := Differs(tt.mine, tt.theirs); got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.mine, tt.theirs, got, tt.want)
		}
	}
}

// TestConfiguration: every way in which a session could be set up differently
// makes another configuration, and nothing else does.
func TestConfiguration(t *testing.T) {
	parse := func(words ...string) *option.Settings {
		s, _, err := option.TLSD.Parse(append(words, "prog"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	base := []string{"PATH=/bin", "CERTFILE=/c", "KEYFILE=/k", "CERTFILE:b=/b", "CERTFILE:a=/a", "TLS_ALPN=x"}
	same := func(s *option.Settings, environ []string) bool {
		return reflect.DeepEqual(Configuration(s, environ), Configuration(parse(), base))
	}
	with := func(items ...string) []string { return append(append([]string{}, base...), items...) }
	for _, item := range []string{"TLS_IDLE_TIMEOUT=5", "TLS_LINGER=5", "TLS_IOD=/s", "TLS_FINGERPRINT=chrome", "TLS_FIPS=", "TLS_UID=", "TLS_GID=", "CAFILE", "X=1", "CERTFILE=/second", "CERTFILEX=1"} {
		if !same(parse(), with(item)) {
			t.Errorf("%s is a difference: %q", item, Configuration(parse(), with(item)))
		}
	}
	for _, item := range []string{"TLS_MIN_VERSION=1.3", "CAFILE=/x", "KEYFILE:a=/x", "TLS_KEYGUARD=1", "TLS_SANDBOX=off", "TLS_UID=7", "TLS_GID=5", "SSLKEYLOGFILE=/l", "TLS_TICKETKEYS=/t"} {
		name, _, _ := strings.Cut(item, "=")
		if same(parse(), with(item)) {
			t.Errorf("%s is no difference", item)
		} else if got := Differs(AppendConfiguration(nil, Configuration(parse(), base)), AppendConfiguration(nil, Configuration(parse(), with(item)))); got != name {
			t.Errorf("%s: %s is said to differ", item, got)
		}
	}
	swapped := []string{base[4], base[3], base[2], base[1], base[5]}
	if !same(parse(), swapped) || !same(parse("-SJ", "-K5", "-v3", "-Z"), base) {
		t.Errorf("%q", Configuration(parse("-SJ", "-K5", "-v3", "-Z"), swapped))
	}
	for _, word := range []string{"-y", "-Y", "-k1", "--mandatory-sni"} {
		if same(parse(word), base) {
			t.Errorf("%s is no difference", word)
		}
	}
	// A relative path means another file in another folder.
	relative := append(with(), "CAFILE=ca.pem")
	before := Configuration(parse(), relative)
	t.Chdir(t.TempDir())
	if reflect.DeepEqual(before, Configuration(parse(), relative)) || !same(parse(), base) {
		t.Error("the working folder counts for relative paths, and only for them")
	}
}

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		message string
		n       int
		want    Files
		ok      bool
	}{
		{"Fnrwd", 4, Files{10, 10, 11, 12, 13}, true},
		{"Fnrw", 3, Files{10, 10, 11, 12, -1}, true},
		{"Fiorwd", 5, Files{10, 11, 12, 13, 14}, true},
		{"Fwron", 4, Files{}, false}, // the network twice
		{"Fnorw", 4, Files{}, false},
		{"Frwd", 3, Files{}, false},
		{"Firw", 3, Files{}, false},
		{"Fnrr", 3, Files{}, false},
		{"Fnrwx", 4, Files{}, false},
		{"Fnrw", 4, Files{}, false},
		{"Fnrwd", 3, Files{}, false},
		{"F", 0, Files{}, false},
		{"", 0, Files{}, false},
		{"Gnrw", 3, Files{}, false},
	} {
		var fds []int
		for i := range tt.n {
			fds = append(fds, 10+i)
		}
		if got, ok := ParseFiles([]byte(tt.message), fds); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %v, %v", tt.message, got, ok)
		}
	}
}

func FuzzParseHello(f *testing.F) {
	f.Add(AppendHello(nil, &full, []string{"A=1"}))
	f.Add([]byte("H\x01-v=0\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, configuration, why := ParseHello(b)
		Differs([]byte("A=1\x00\x00"), configuration)
		if why != "" {
			return
		}
		// What was understood says the same when it is said again.
		again, _, why := ParseHello(AppendHello(nil, &s, nil))
		if again.ID != s.ID || again.CloseNotify != s.CloseNotify || again.Timeout != s.Timeout || again.Delayed != s.Delayed || why != "" {
			t.Fatalf("%+v, %+v, %s", s, again, why)
		}
	})
}

func FuzzParseFiles(f *testing.F) {
	f.Add([]byte("Fnrwd"), 4)
	f.Add([]byte("Fiorw"), 4)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		var fds []int
		used := map[int]bool{-1: true}
		for i := range max(0, n%300) {
			fds = append(fds, i)
		}
		files, ok := ParseFiles(b, fds)
		if !ok {
			return
		}
		for _, n := range []int{files.NetIn, files.NetOut, files.FromProg, files.ToProg, files.Notify} {
			used[n] = true
		}
		if len(used) != len(fds)+1 {
			t.Fatalf("%q with %d descriptors: %+v", b, len(fds), files)
		}
	})
}
