//go:build linux && (amd64 || arm64)

package fast

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"ucspitls/engine/handover"
	"ucspitls/engine/option"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/wrap"
)

var wrappers = []*wrap.Program{
	{Table: &option.UCSPITLSD, Side: &wrap.Server, Delayed: true},
	{Table: &option.TLSD, Side: &wrap.Server},
	{Table: &option.UCSPITLSC, Side: &wrap.Client, Delayed: true},
	{Table: &option.TLSC, Side: &wrap.Client},
}

// A stack is what the kernel passes, made of memory that has no pointers for
// the collector: argc, argv, NULL, envp, NULL, and then the words.
type stack []uintptr

func newStack(words, environ []string) stack {
	vectors := len(words) + len(environ) + 3
	text := strings.Join(append(slices.Clone(words), environ...), "\x00") + "\x00"
	s := make(stack, vectors+len(text)/8+1)
	at := uintptr(unsafe.Pointer(&s[vectors]))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&s[vectors])), len(text)), text)
	s[0] = uintptr(len(words))
	for i, word := range words {
		s[1+i] = at
		at += uintptr(len(word)) + 1
	}
	for i, item := range environ {
		s[2+len(words)+i] = at
		at += uintptr(len(item)) + 1
	}
	return s
}

// strings gives a NULL-ended vector.
func vector(v unsafe.Pointer) (list []string) {
	for i := 0; at(v, i) != nil; i++ {
		list = append(list, strings.Clone(text(at(v, i))))
	}
	return list
}

// A decision is what a plan says, and what the portable path would do.
type decision struct {
	IO, IOEnv, Prog, ProgEnv []string
	Verbosity                uint32
	NetR, NetW               uintptr
	Hello                    string // to a shared tunnel process
}

func fastDecision(w *wrap.Program, words, environ, info []string) *decision {
	s := newStack(words, environ)
	defer runtime.KeepAlive(s)
	m := new(memory)
	if !m.make(w, unsafe.Pointer(&s[0])) {
		return nil
	}
	d := &decision{
		IO:        vector(unsafe.Pointer(&m.ioArgv)),
		IOEnv:     vector(unsafe.Pointer(&m.envp)),
		Prog:      vector(*(*unsafe.Pointer)(unsafe.Pointer(&m.prog))),
		Verbosity: m.Number(option.Verbosity),
	}
	d.NetR, d.NetW = m.network(w.Side.Server)
	if w.Side.Server && m.lookup(ucspi.IOD) != "" {
		m.pid = 12
		m.sayHello(w)
		d.Hello = string(m.hello.b[:m.hello.n])
	}
	if w.Delayed {
		m.pair = [...]int32{3, 4, 5, 6, 7, 8}
		m.progEnviron()
		m.channelNumbers()
	} else {
		m.inform(w, copy(m.blob[:], strings.Join(info, "\x00")+"\x00\x00"), 0)
	}
	d.ProgEnv = vector(unsafe.Pointer(&m.envp[m.progEnv]))
	return d
}

func portableDecision(w *wrap.Program, words, environ, info []string) *decision {
	s, prog, err := w.Table.Parse(words[1:])
	if err != nil || s.Show != option.ShowNothing || len(prog) < w.Table.Min || (s.Drop.HasUID || s.Drop.HasGID || s.Drop.HasGroups || s.Drop.FromEnv) || words[0] == w.Table.Program+wrap.WaitingFor {
		return nil
	}
	environ = osEnviron(environ)
	d := &decision{IOEnv: ucspi.IOEnviron(environ), Prog: prog, Verbosity: s.Verbosity, NetW: 1}
	args := s.ServerIO()
	if !w.Side.Server {
		args = s.ClientIO()
		d.NetR, d.NetW = uintptr(s.ReadFD), uintptr(s.WriteFD)
	}
	d.IO = slices.Concat([]string{wrap.Sibling(w.Side.IO), "-d", "5"}, args, []string{"--", "3", "4"})
	if w.Delayed {
		d.IOEnv = append(d.IOEnv, ucspi.AfterCommand)
		info = []string{"SSLCTLFD=7", "SSLREADFD=5", "SSLWRITEFD=4"}
	}
	d.ProgEnv = ucspi.ProgEnviron(environ, s.Keep, ucspi.IsChannel, info)
	if w.Delayed {
		environ = osEnviron(d.IOEnv) // the waiting process's
	}
	if w.Side.Server && ucspi.Lookup(environ, ucspi.IOD) != "" {
		hello := handover.AppendHello(nil, handover.NewSession(s, environ, "12", w.Delayed), handover.Configuration(s, environ))
		d.Hello = string(hello[:min(len(hello), handover.MaxMessage+1)]) // one byte too many will do
	}
	return d
}

// osEnviron is what os.Environ makes of the environment that a process has;
// TestSame sees whether it still is.
func osEnviron(environ []string) (list []string) {
	seen := map[string]bool{}
	for _, item := range environ {
		name, _, ok := strings.Cut(item, "=")
		if item == "" || ok && seen[name] {
			continue
		}
		seen[name] = seen[name] || ok
		list = append(list, item)
	}
	return list
}

func compare(t *testing.T, w *wrap.Program, words, environ, info []string) (taken bool) {
	t.Helper()
	fast, portable := fastDecision(w, words, environ, info), portableDecision(w, words, environ, info)
	if fast != nil && !reflect.DeepEqual(fast, portable) {
		t.Errorf("%s, %q, %q, %q:\n    fast %+v\nportable %+v", w.Table.Program, words, environ, info, fast, portable)
	}
	return fast != nil
}

var usualEnviron = []string{
	"PATH=/usr/bin:/bin", "HOME=/", "CERTFILE=/etc/x.pem", "KEYFILE:example.org=/k", "CERTFILE:example.org=/c", "TLS_UID=3",
	"SSL_PEER_CERT_HASH=forged", "SSL_CLIENT_S_DN=forged", "HTTPS=on", "SSL_CERT_FILE=/x", "UCSPITLS=", "SSLCTLFD=77", "TLS_IOD=",
	"GODEBUG=tls10server=1", "GOGC=1", "GOMAXPROCS=7", "HOME=/again", "NOVALUE", "HTTPS", "=", "=x", "NOVALUE", "NOVALUE=1", "X=a=b",
}

// configurations are what makes the message to a shared tunnel process.
var configurations = [][]string{
	{"TLS_IOD=/s"},
	{"TLS_IOD=", "TLS_IOD=/second"},
	{"TLS_IOD=/s", "TLS_IOD=/second", "TLS_ALPN=x", "CAFILE=ca.pem", "TLS_IDLE_TIMEOUT=50", "TLS_LINGER=60", "TCPREMOTEIP=192.0.2.1"},
	{"TLS_IOD", "TLS_IOD=/s", "TLS_UID=", "TLS_GID", "TLS_ALPN=", "TLS_ALPN", "KEYFILE", "KEYFILE=rel", "CERTFILE:b=/b", "CERTFILE:a=/a", "CERTFILE:=/e", "CERTFILE:a:b=", "CAFILE:x=/x"},
	{"TLS_IOD=/s", "CADIR", "CADIR=relative", "TLS_GID=3", "TLS_GID=4", "TLS_FINGERPRINT=chrome", "SSLKEYLOGFILE=/l", "TLS_FIPS=require", "TCPREMOTEIP=", "TLS_IDLE_TIMEOUT="},
	{"TLS_IOD=" + strings.Repeat("x", 200), "TLS_ALPN=" + strings.Repeat("y", handover.MaxMessage-100)},
	{"TLS_IOD=@abstract", "TLS_ALPN=" + strings.Repeat("y", handover.MaxMessage+100)},
}

// What sites do takes the fast path, and means there what it means to main.
func TestPlan(t *testing.T) {
	both := []string{
		"cat", "-- cat", "- cat", "cat -S -- x", "-S cat", "-sSsJjJ -Z cat", "-v2 cat", "-v 0 -K 5000 cat", "-K5000 -Z -z -- -S",
		"--close-notify --no-close-notify --enforce-close-notify cat", "--handshake-timeout=0 cat", "--handshake-timeout=4294967295 cat", "--verbosity=3 cat", "-SJv3 cat a b c", "--keep cat",
	}
	server := []string{"-Y cat", "-y cat", "-k 0 --sni cat", "-k1 cat", "--mandatory-sni cat", "--sni cat", "-k4294967295 cat", "--sni-level=2 cat", "--mandatory-client-cert --client-cert cat"}
	client := []string{"-y -Y cat", "-Yy cat", "-k example.org cat", "-k -x cat", "-k x --servername= cat", "--no-verify-cert cat", "-6 8 -7 9 cat", "-6 7 -7 6 cat", "--read-fd=1073741824 cat"}
	for _, w := range wrappers {
		lines := slices.Concat(both, client)
		if w.Side.Server {
			lines = slices.Concat(both, server)
		}
		for _, line := range lines {
			words := append([]string{"/usr/bin/" + w.Table.Program}, strings.Fields(line)...)
			if !compare(t, w, words, usualEnviron, []string{"SSL_PROTOCOL=TLSv1.3", "SSL_PEER_CERT_SUBJECT=/CN=a=b"}) {
				t.Errorf("%s %s is left to main", w.Table.Program, line)
			}
			compare(t, w, words, nil, []string{"SSL_ALPN=b"})
			for _, more := range configurations {
				if !compare(t, w, words, append(slices.Clone(more), usualEnviron...), []string{"SSL_ALPN=b"}) {
					t.Errorf("%s %s is left to main with %q", w.Table.Program, line, more)
				}
			}
		}
	}
}

// What is left to main: wrong usage, what only main can do, what is too large.
func TestLeftToMain(t *testing.T) {
	long := strings.Repeat("x", 5000)
	many := make([]string, maxItems+1)
	for i := range many {
		many[i] = "A" + strings.Repeat("x", i) + "=1"
	}
	for _, c := range []struct {
		w     int
		words []string
		env   []string
	}{
		{0, []string{}, nil}, {0, []string{"--help"}, nil}, {0, []string{"--version"}, nil}, {0, []string{"-?", "cat"}, nil},
		{0, []string{"-v", "x", "cat"}, nil}, {0, []string{"-K"}, nil}, {0, []string{"-K", "--", "cat"}, nil}, {0, []string{"-v4294967296", "cat"}, nil},
		{0, []string{"--uid=1", "cat"}, nil}, {1, []string{"--gid=1", "cat"}, nil}, {1, []string{"--gidlist=", "cat"}, nil}, {1, []string{"--envuidgid", "cat"}, nil},
		{0, []string{"--sni=1", "cat"}, nil}, {0, []string{"--verbosity", "cat"}, nil}, {0, []string{"--=", "cat"}, nil}, {0, []string{"-6", "7", "cat"}, nil},
		{2, []string{"-6", "7", "cat"}, nil}, {2, []string{"-6", "2", "cat"}, nil}, {2, []string{"-7", "1073741825", "cat"}, nil}, {3, []string{"-k", long, "cat"}, nil},
		{0, []string{"cat"}, many}, {0, []string{"-S", "--"}, nil},
	} {
		w := wrappers[c.w]
		if compare(t, w, append([]string{w.Table.Program}, c.words...), c.env, []string{"SSL_ALPN=b"}) {
			t.Errorf("%s %q was not left to main", w.Table.Program, c.words)
		}
	}
	w := wrappers[0]
	if compare(t, w, []string{w.Table.Program + wrap.WaitingFor, "cat"}, nil, nil) {
		t.Error("a waiting process was not left to main")
	}
	s := newStack(nil, nil)
	if new(memory).make(w, unsafe.Pointer(&s[0])) {
		t.Error("no argv at all was not left to main")
	}
}

// FuzzPlan: whatever the words and the environment, a plan is what the portable
// path would do; words, items and information are separated by newlines.
func FuzzPlan(f *testing.F) {
	f.Add(byte(0), "s6-ucspitlsd\n-Sv2\n--\ncat", strings.Join(usualEnviron, "\n"), "SSL_PROTOCOL=TLSv1.3\nSSL_ALPN=1")
	f.Add(byte(1), "s6-tlsd\n-k\n1\n--mandatory-sni\ncat", "A=1\nA=2\nA", "SSL_CIPHER=X")
	f.Add(byte(1), "s6-tlsd\n-y\n-k2\n-K5\ncat", "TLS_IOD=/s\nKEYFILE:b=/k\nKEYFILE:a=k\nTLS_UID=\nCAFILE", "SSL_ALPN=b")
	f.Add(byte(2), "x\n-6\n9\n-7\n10\n-kname\ncat", "PATH=", "SSL_ALPN=b")
	f.Add(byte(3), "s6-tlsc\n--servername=x\n-y\n--no-verify-cert\n-Z\ncat", "CAFILE=/x\nSSLKEYLOGFILE=/y", "SSL_ALPN=b")
	f.Fuzz(func(t *testing.T, which byte, words, environ, info string) {
		if strings.Contains(words+environ+info, "\x00") {
			return
		}
		items := strings.Split(info, "\n")
		for r := (ucspi.Reader{Blob: strings.Join(items, "\x00") + "\x00\x00"}); ; {
			item, flaw := r.Next()
			if flaw != ucspi.Sound || item == "" && len(info) == 0 {
				return // refused, and then the process ends
			}
			if item == "" {
				break
			}
		}
		compare(t, wrappers[which%4], strings.Split(words, "\n"), strings.Split(environ, "\n"), items)
	})
}

// The words for errors are package syscall's.
func TestReasons(t *testing.T) {
	for _, r := range reasons {
		if r.words != r.e.Error() {
			t.Errorf("%d: %q, want %q", r.e, r.words, r.e.Error())
		}
	}
}
