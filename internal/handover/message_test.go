package handover

import (
	"reflect"
	"strings"
	"testing"

	"ucspitls/internal/option"
	"ucspitls/internal/words"
)

var full = Session{ID: "12", Remote: "192.0.2.1", Verbosity: 3, CloseNotify: true, Enforce: true, Timeout: 4294967295, Idle: "5", Linger: "7", Delayed: true}

func parse(t testing.TB, list ...string) *option.Values {
	s, _, err := option.TLSD.Parse(append(list, "prog"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// config is a configuration with these items.
func config(items ...string) (b []byte) {
	for _, item := range items {
		b = append(append(b, item...), 0)
	}
	return append(b, 0)
}

// TestHello: what a wrapper says is what the daemon understands.
func TestHello(t *testing.T) {
	for _, c := range []struct {
		options string
		environ []string
		delayed bool
		want    Session
	}{
		{"", nil, false, Session{ID: "12", Verbosity: 1}},
		{"-v0", []string{"TCPREMOTEIP", "TLS_IDLE_TIMEOUT="}, true, Session{ID: "12", Delayed: true}},
		{"-v3 -SJ -K 4294967295 -y", []string{"TCPREMOTEIP=192.0.2.1", "TLS_IDLE_TIMEOUT=5", "TLS_IDLE_TIMEOUT=6", "TLS_LINGER=7", "KEYFILE=a=b"}, true, full},
	} {
		v, env := parse(t, strings.Fields(c.options)...), words.Of(c.environ)
		var h Hello
		h.Begin(v, &env, 12, c.delayed)
		h.Configuration(v, &env, place("/"), place("."))
		got, configuration, why := ParseHello(h.Bytes())
		if got != c.want || why != "" || string(configuration) != string(Configuration(v, c.environ)) || h.TooLong() {
			t.Errorf("%s: %+v, %q, %s", c.options, got, configuration, why)
		}
	}
}

// TestTooLong: a message is as long as a socket takes, whatever it is made of.
func TestTooLong(t *testing.T) {
	many := make([]string, MaxMessage)
	for i := range many {
		many[i] = "KEYFILE:" + strings.Repeat("x", i%7) + "=/k"
	}
	for _, environ := range [][]string{{"TLS_ALPN=" + strings.Repeat("x", MaxMessage)}, many} {
		var h Hello
		v, env := parse(t), words.Of(environ)
		h.Begin(v, &env, 1, false)
		if h.Configuration(v, &env, Place{}, Place{}); !h.TooLong() {
			t.Errorf("%d items, %d bytes", len(environ), len(h.Bytes()))
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
	base := []string{"PATH=/bin", "CERTFILE=/c", "KEYFILE=/k", "CERTFILE:b=/b", "CERTFILE:a=/a", "TLS_ALPN=x"}
	same := func(v *option.Values, environ []string) bool {
		return reflect.DeepEqual(Configuration(v, environ), Configuration(parse(t), base))
	}
	with := func(items ...string) []string { return append(append([]string{}, base...), items...) }
	for _, item := range []string{"TLS_IDLE_TIMEOUT=5", "TLS_LINGER=5", "TLS_IOD=/s", "TLS_FINGERPRINT=chrome", "TLS_FIPS=", "TLS_UID=", "TLS_GID=", "CAFILE", "X=1", "CERTFILE=/second", "CERTFILEX=1"} {
		if !same(parse(t), with(item)) {
			t.Errorf("%s is a difference: %q", item, Configuration(parse(t), with(item)))
		}
	}
	for _, item := range []string{"TLS_MIN_VERSION=1.3", "CAFILE=/x", "KEYFILE:a=/x", "TLS_KEYGUARD=1", "TLS_SANDBOX=off", "TLS_UID=7", "TLS_GID=5", "SSLKEYLOGFILE=/l", "TLS_TICKETKEYS=/t"} {
		name, _, _ := strings.Cut(item, "=")
		if same(parse(t), with(item)) {
			t.Errorf("%s is no difference", item)
		} else if got := Differs(Configuration(parse(t), base), Configuration(parse(t), with(item))); got != name {
			t.Errorf("%s: %s is said to differ", item, got)
		}
	}
	swapped := []string{base[4], base[3], base[2], base[1], base[5]}
	if !same(parse(t), swapped) || !same(parse(t, "-SJ", "-K5", "-v3", "-Z"), base) {
		t.Errorf("%q", Configuration(parse(t, "-SJ", "-K5", "-v3", "-Z"), swapped))
	}
	for _, word := range []string{"-y", "-Y", "-k1", "--mandatory-sni"} {
		if same(parse(t, word), base) {
			t.Errorf("%s is no difference", word)
		}
	}
	// A relative path means another file in another directory.
	relative := append(with(), "CAFILE=ca.pem")
	before := Configuration(parse(t), relative)
	t.Chdir(t.TempDir())
	if reflect.DeepEqual(before, Configuration(parse(t), relative)) || !same(parse(t), base) {
		t.Error("the working directory counts for relative paths, and only for them")
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
	f.Add([]byte("H\x01id=12\x00remote=192.0.2.1\x00-v=3\x00-S=1\x00-J=1\x00-K=4294967295\x00idle=5\x00linger=7\x00delayed=1\x00\x00A=1\x00\x00"))
	f.Add([]byte("H\x01-v=0\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, configuration, why := ParseHello(b)
		Differs([]byte("A=1\x00\x00"), configuration)
		if why == "" && len(configuration) > len(b)-3 {
			t.Fatalf("%q of %q", configuration, b)
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
