package wrap

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"ucspitls/internal/option"
	"ucspitls/internal/ucspi"
	"ucspitls/internal/words"
)

var wrappers = []*Program{
	{Table: &option.UCSPITLSD, Side: &Server, Delayed: true},
	{Table: &option.TLSD, Side: &Server},
	{Table: &option.UCSPITLSC, Side: &Client, Delayed: true},
	{Table: &option.TLSC, Side: &Client},
}

// A stack is what the kernel passes, made of memory that has no pointers for
// the collector: argv, NULL, envp, NULL, and then the words.
type stack []uintptr

func newStack(list, environ []string) stack {
	vectors := len(list) + len(environ) + 2
	text := strings.Join(append(slices.Clone(list), environ...), "\x00") + "\x00"
	s := make(stack, vectors+len(text)/8+1)
	at := uintptr(unsafe.Pointer(&s[vectors]))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&s[vectors])), len(text)), text)
	for i, word := range list {
		s[i] = at
		at += uintptr(len(word)) + 1
	}
	for i, item := range environ {
		s[len(list)+1+i] = at
		at += uintptr(len(item)) + 1
	}
	return s
}

// strings gives a NULL-ended vector.
func vectorOf(v uintptr) (list []string) {
	for l := (words.List{V: v}); l.Pointer(l.N) != 0; l.N++ {
		list = append(list, strings.Clone(l.At(l.N)))
	}
	return list
}

// A decision is what is to be done.
type decision struct {
	IO, IOEnv, Prog, ProgEnv []string
	Verbosity                uint32
	NetR, NetW               int
}

// decide has a plan made; info is the information of an immediate tool's -io.
func decide(w *Program, list, environ, info []string) *decision {
	s := newStack(list, environ)
	defer runtime.KeepAlive(s)
	m := new(memory)
	if !m.plan(w, uintptr(unsafe.Pointer(&s[0])), len(list), uintptr(unsafe.Pointer(&s[len(list)+1]))) {
		return nil
	}
	d := &decision{
		IO:        vectorOf(uintptr(unsafe.Pointer(&m.ioArgv))),
		IOEnv:     vectorOf(m.vector(0)),
		Prog:      list[m.Operands:],
		Verbosity: m.Number(option.Verbosity),
	}
	d.NetR, d.NetW = m.network()
	m.progEnviron()
	if w.Delayed {
		m.channels = channels{down: [2]int32{3, 4}, up: [2]int32{5, 6}, ctl: [2]int32{7, 8}}
		m.channelNumbers()
	} else {
		m.inform(copy(m.blob[:], strings.Join(info, "\x00")+"\x00\x00"))
	}
	d.ProgEnv = vectorOf(m.vector(m.environment.prog))
	return d
}

// expected is the same with what Go has.
func expected(w *Program, list, environ, info []string) *decision {
	s, prog, err := w.Table.Parse(list[1:])
	if err != nil || s.Number(option.Show) != option.ShowNothing || len(prog) < w.Table.Min {
		return nil
	}
	d := &decision{Prog: prog, Verbosity: s.Number(option.Verbosity), NetW: 1}
	seen := map[string]bool{}
	for _, item := range environ {
		name, _, ok := strings.Cut(item, "=")
		if item == "" || ok && seen[name] {
			continue
		}
		seen[name] = seen[name] || ok
		if s.Is(option.DropFromEnv) && slices.Contains([]string{"UID", "GID", "GIDLIST"}, name) || ucspi.IsChannel(name) {
			continue
		}
		if !ucspi.IsRuntime(name) {
			d.IOEnv = append(d.IOEnv, item)
		}
		if !ucspi.IsIdentity(name) && (s.Is(option.Keep) || !ucspi.IsConfiguration(name)) {
			d.ProgEnv = append(d.ProgEnv, item)
		}
	}
	d.IOEnv = append(d.IOEnv, "GOMAXPROCS=1", "GOTRACEBACK=none")
	args := s.ServerIO()
	if !w.Side.Server {
		args = s.ClientIO()
		d.NetR, d.NetW = int(s.Number(option.ReadFD)), int(s.Number(option.WriteFD))
	}
	d.IO = slices.Concat([]string{Sibling(w.Side.IO), "-d", "5"}, args, []string{"--", "3", "4"})
	if w.Delayed {
		d.IOEnv = append(d.IOEnv, "SSLCTLFD=5")
		info = []string{"SSLCTLFD=7", "SSLREADFD=5", "SSLWRITEFD=4"}
	}
	d.ProgEnv = append(d.ProgEnv, info...)
	return d
}

func compare(t *testing.T, w *Program, list, environ, info []string) {
	t.Helper()
	if got, want := decide(w, list, environ, info), expected(w, list, environ, info); !reflect.DeepEqual(got, want) {
		t.Errorf("%s, %q, %q, %q:\n got %+v\nwant %+v", w.Table.Program, list, environ, info, got, want)
	}
}

// What prog is not to take for the peer's identity or for our configuration.
func TestProgEnviron(t *testing.T) {
	in := []string{
		"PATH=/bin", "CERTFILE=c", "KEYFILE=k", "CERTFILE:x=c", "CERTFILE:=c", "KEYFILE:x.y=k", "CADIR=d", "CAFILE=f", "TLS_UID=1", "TLS_GID=2",
		"TLS_MIN_VERSION=1.3", "SSLKEYLOGFILE=l", "TLS_IOD=s",
		"CERTFILE2=c", "KEYFILEX=k", "TLS_UIDX=1", "CADIRX=d", "UCSPITLS=", "SSL_CERT_FILE=f", "SSL_CERT_DIR=d",
		"SSL_PROTOCOL=forged", "SSL_ALPN=x", "SSL_CLIENT_S_DN=forged", "SSL_SERVER_I_DN=x", "SSL_PEER_CERT_HASH=forged", "SSL_SESSION_ID=x", "HTTPS=on",
		"SSLCTLFD=9", "SSLREADFD=9", "SSLWRITEFD=9", "GODEBUG=x", "noequals", "PATH=/second", "noequals", "",
	}
	kept := "PATH=/bin CERTFILE2=c KEYFILEX=k TLS_UIDX=1 CADIRX=d UCSPITLS= SSL_CERT_FILE=f SSL_CERT_DIR=d GODEBUG=x noequals noequals SSL_ALPN=b"
	if got := strings.Join(decide(wrappers[1], []string{"s6-tlsd", "cat"}, in, []string{"SSL_ALPN=b"}).ProgEnv, " "); got != kept {
		t.Errorf("-z: %s", got)
	}
	got := strings.Join(decide(wrappers[1], []string{"s6-tlsd", "-Z", "cat"}, in, []string{"SSL_ALPN=b"}).ProgEnv, " ")
	for _, want := range []string{"CERTFILE=c", "KEYFILE:x.y=k", "TLS_UID=1", "SSLKEYLOGFILE=l", "GODEBUG=x"} {
		if !strings.Contains(got, want) {
			t.Errorf("-Z: %s is missing", want)
		}
	}
	for _, stale := range []string{"forged", "SSL_ALPN=x", "SSLCTLFD", "HTTPS"} {
		if strings.Contains(got, stale) {
			t.Errorf("-Z: %s is inherited", stale)
		}
	}
}

// An environment of any size is taken.
func TestManyItems(t *testing.T) {
	many := make([]string, 20000)
	for i := range many {
		many[i] = "A" + strings.Repeat("x", i%50) + strings.Repeat("y", i/50%50) + "=1"
	}
	for _, n := range []int{fewItems - 1, fewItems, fewItems + 1, len(many)} {
		compare(t, wrappers[0], []string{"s6-ucspitlsd", "cat"}, many[:n], nil)
	}
}

// FuzzPlan: whatever the words and the environment, the plan is what it should be;
// words, items and information are separated by newlines.
func FuzzPlan(f *testing.F) {
	f.Add(byte(0), "s6-ucspitlsd\n-Sv2\n--\ncat", "PATH=/bin\nHOME=/\nCERTFILE=/x\nKEYFILE:example.org=/k\nSSL_CLIENT_S_DN=forged\nGOGC=1\nHOME=/again\nNOVALUE\nHTTPS\n=\n=x\nNOVALUE=1\nX=a=b", "SSL_PROTOCOL=TLSv1.3\nSSL_ALPN=1")
	f.Add(byte(1), "s6-tlsd\n-k\n1\n--mandatory-sni\n--envuidgid\ncat", "A=1\nA=2\nA\nUID=1\nUID", "SSL_CIPHER=X")
	f.Add(byte(1), "s6-tlsd\n-y\n-k2\n-K5\ncat", "TLS_IOD=/s\nKEYFILE:b=/k\nKEYFILE:a=k\nTLS_UID=\nCAFILE", "SSL_ALPN=b")
	f.Add(byte(2), "x\n-6\n9\n-7\n10\n-kname\ncat", "PATH=", "SSL_ALPN=b")
	f.Add(byte(3), "s6-tlsc\n--servername=x\n-y\n--no-verify-cert\n-Z\ncat", "CAFILE=/x\nSSLKEYLOGFILE=/y", "SSL_ALPN=b")
	f.Fuzz(func(t *testing.T, which byte, line, environ, info string) {
		if strings.Contains(line+environ+info, "\x00") {
			return
		}
		w, list, items := wrappers[which%4], strings.Split(line, "\n"), strings.Split(info, "\n")
		if _, _, err := w.Table.Parse(list[1:]); err != nil {
			return // it ends the process
		}
		for r := (ucspi.Reader{Blob: strings.Join(items, "\x00") + "\x00\x00"}); ; {
			item, flaw := r.Next()
			if flaw != ucspi.Sound || item == "" && info == "" {
				return // refused, and then the process ends
			}
			if item == "" {
				break
			}
		}
		compare(t, w, list, strings.Split(environ, "\n"), items)
	})
}
