package material

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend"
	"ucspitls/test/need"
)

// A sniFolder holds pairs whose certificates are told apart by their names.
type sniFolder struct {
	folder
	key string
	env []string
}

func newSNIFolder(t *testing.T, names ...string) *sniFolder {
	f := &sniFolder{folder: newFolder(t)}
	f.key = f.put("key", armour("PRIVATE KEY", pkcs8()))
	for _, name := range names {
		f.add(name)
	}
	return f
}

// add puts a pair into the environment; "" is the default pair.
func (f *sniFolder) add(name string) {
	suffix := ""
	if name != "" {
		suffix = ":" + name
	}
	cert := f.put(strings.ReplaceAll("cert"+suffix, "*", "_"), armour("CERTIFICATE", makeCert(name)))
	f.env = append(f.env, "CERTFILE"+suffix+"="+cert, "KEYFILE"+suffix+"="+f.key)
}

func TestServerNames(t *testing.T) {
	f := newSNIFolder(t, "", "foo.example.com", "*.Example.NET", "x.example.net", "dot.example.", "*.com", "*", "a.*.example.org", "*.*.example.org", "UPPER.example", "under_score.example", "*.deep.er.example")
	cases := []struct{ asked, at1 string }{ // at1: name of the variable, "" is the default pair
		{"", ""},
		{"foo.example.com", "foo.example.com"},
		{"FOO.Example.COM", "foo.example.com"},
		{"foo.example.com.", ""},
		{"a.foo.example.com", ""},
		{"a.example.net", "*.Example.NET"},
		{"A.EXAMPLE.NET", "*.Example.NET"},
		{"x.example.net", "x.example.net"},
		{"under_score.example", "under_score.example"},
		{"under_score.example.net", "*.Example.NET"},
		{"a.b.example.net", ""},
		{"example.net", ""},
		{".example.net", ""},
		{"*.example.net", ""},
		{"*.Example.NET", ""},
		{"a b.example.net", ""},
		{"a.example.net.", ""},
		{"dot.example", "dot.example."},
		{"dot.example.", ""},
		{"example.com", ""},
		{"*.com", ""},
		{"*", ""},
		{"localhost", ""},
		{"a.x.example.org", ""},
		{"a.*.example.org", ""},
		{"x.y.example.org", ""},
		{"x.deep.er.example", "*.deep.er.example"},
		{"upper.example", "UPPER.example"},
		{"foo.example.com\n", ""},
		{"foo.example.com\x00", ""},
		{"\u212aelvin.example.net", ""}, // the Kelvin sign is not a k
		{strings.Repeat("a", 64) + ".example.net", ""},
	}
	for _, c := range cases {
		for level := uint(0); level <= 3; level++ {
			t.Run(fmt.Sprintf("%d %q", level, c.asked), func(t *testing.T) {
				before := descriptors()
				s := openServer(t, level, backend.CertNone, f.env...)
				pair, err := s.Config.Keys(c.asked)
				if err != nil {
					t.Fatal(err)
				}
				want := "CERTFILE: " + f.path("cert")
				if c.at1 != "" && level > 0 {
					want = "CERTFILE:" + c.at1 + ": " + f.path(strings.ReplaceAll("cert:"+c.at1, "*", "_"))
				} else if level > 1 {
					want = ""
				}
				got := ""
				if pair != nil {
					got = pair.CertName
				}
				if got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				if (s.Config.Default == nil) != (level > 1) {
					t.Errorf("default pair %v at level %d", s.Config.Default, level)
				}
				if after := descriptors(); after != before {
					t.Errorf("%d descriptors after the choice, %d before", after, before)
				}
			})
		}
	}
	s := openServer(t, 1, backend.CertNone, f.env...)
	notes := strings.Join(s.Notes, "\n")
	for _, name := range []string{"*.com", "*", "a.*.example.org", "*.*.example.org"} {
		if !strings.Contains(notes, "CERTFILE:"+name+": no server name can match this") {
			t.Errorf("no note about %s in %q", name, s.Notes)
		}
	}
	if len(s.Notes) != 4 {
		t.Errorf("notes %q", s.Notes)
	}
}

// With AllPairs a server has read everything at its start, and chooses often.
func TestAllPairs(t *testing.T) {
	f := newSNIFolder(t, "", "a.example", "b.example")
	before := descriptors()
	opened, err := Open(Options{Server: true, Environ: f.env, SNI: 1, AllPairs: true})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	s := opened.(*server)
	for _, name := range []string{"a.example", "b.example", "a.example", "other", "b.example"} {
		want := s.Config.Default
		switch name {
		case "a.example":
			want = s.Config.Pairs[0]
		case "b.example":
			want = s.Config.Pairs[1]
		}
		if pair, err := s.Config.Keys(name); err != nil || pair != want {
			t.Errorf("%s: %v, %v", name, pair, err)
		}
	}
	f.put("cert:b.example", []byte("no certificate\n"))
	_, err = Open(Options{Server: true, Environ: f.env, SNI: 1, AllPairs: true})
	wantExit(t, err, 96, "CERTFILE:b.example: "+f.path("cert:b.example")+": no certificate in it")
}

// The files are opened at the start, so that the choice works without the
// right to open them, and are not read before it.
func TestNamesAreOpenedFirst(t *testing.T) {
	f := newSNIFolder(t, "", "a.example", "b.example")
	before := descriptors()
	s := openServer(t, 1, backend.CertNone, f.env...)
	if got := descriptors() - before; got != 4 {
		t.Errorf("%d descriptors held, want 4", got)
	}
	f.put("cert:b.example", []byte("rewritten in place\n"))
	for _, name := range []string{"cert:a.example", "cert:b.example", "key"} {
		if err := os.Remove(f.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := s.Config.Keys("a.example")
	if err != nil || len(pair.Chain) != 1 {
		t.Fatalf("Keys: %v, %v", pair, err)
	}
	if got := descriptors() - before; got != 0 {
		t.Errorf("%d descriptors held after the choice", got)
	}
	if _, err := s.Config.Keys("a.example"); err == nil {
		t.Error("a second choice was possible")
	}
	key := pair.Key
	s.Close()
	for _, b := range key {
		if b != 0 {
			t.Fatal("the chosen key is not wiped by Close")
		}
	}
}

func TestChosenPairIsBad(t *testing.T) {
	f := newSNIFolder(t, "", "a.example")
	f.put("cert:a.example", []byte("no certificate\n"))
	s := openServer(t, 1, backend.CertNone, f.env...)
	_, err := s.Config.Keys("a.example")
	var e *backend.Error
	if !errors.As(err, &e) || e.Kind != backend.Config || e.Error() != "CERTFILE:a.example: "+f.path("cert:a.example")+": no certificate in it" {
		t.Errorf("error %T %v", err, err)
	}
}

func TestNameFlaws(t *testing.T) {
	f := newSNIFolder(t, "")
	dflt := f.env
	c, k := dflt[0][len("CERTFILE="):], f.key
	cases := []struct {
		name  string
		level uint
		env   []string
		code  int
		line  string
	}{
		{"no default", 1, []string{"CERTFILE:a=" + c, "KEYFILE:a=" + k}, 100, "CERTFILE not set"},
		{"no pair", 2, dflt, 96, "no CERTFILE:name and KEYFILE:name pair is set"},
		{"no certificate", 2, []string{"KEYFILE:a=" + k}, 96, "KEYFILE:a: CERTFILE:a not set"},
		{"no key", 2, []string{"CERTFILE:a=" + c}, 96, "CERTFILE:a: KEYFILE:a not set"},
		{"empty key", 2, []string{"CERTFILE:a=" + c, "KEYFILE:a="}, 96, "CERTFILE:a: KEYFILE:a not set"},
		{"case", 2, []string{"CERTFILE:a=" + c, "KEYFILE:a=" + k, "CERTFILE:A=" + c, "KEYFILE:A=" + k}, 96, "CERTFILE:A: the same server name is also written a"},
		{"dot", 2, []string{"CERTFILE:a=" + c, "KEYFILE:a=" + k, "KEYFILE:a.=" + k}, 96, "KEYFILE:a.: the same server name is also written a"},
		{"partners differ in case", 2, []string{"CERTFILE:Foo=" + c, "KEYFILE:foo=" + k}, 96, "KEYFILE:foo: the same server name is also written Foo"},
		{"missing file", 2, []string{"CERTFILE:a=" + c, "KEYFILE:a=" + k, "CERTFILE:b=" + c, "KEYFILE:b=" + f.path("x")}, 96, "KEYFILE:b: open " + f.path("x") + ": no such file or directory"},
		{"directory", 2, []string{"CERTFILE:a=" + f.dir, "KEYFILE:a=" + k}, 96, "CERTFILE:a: " + f.dir + ": is a directory"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := descriptors()
			_, err := Open(Options{Server: true, Environ: c.env, SNI: c.level})
			wantExit(t, err, c.code, c.line)
			if after := descriptors(); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
	t.Run("not looked at on level 0", func(t *testing.T) {
		openServer(t, 0, backend.CertNone, append([]string{"KEYFILE:a=/nonexistent"}, dflt...)...)
	})
	t.Run("empty names and values", func(t *testing.T) {
		s := openServer(t, 1, backend.CertNone, append([]string{"KEYFILE:=x", "CERTFILE:.=x", "CERTFILE:a=", "KEYFILE:a=", "CERTFILEX:b=x", "CERTFILE2=x"}, dflt...)...)
		if len(s.names.pairs) != 0 || len(s.Notes) != 2 || s.Notes[0] != "KEYFILE:: no name after the colon, passed over" {
			t.Errorf("%d pairs, notes %q", len(s.names.pairs), s.Notes)
		}
	})
	t.Run("the first of two counts", func(t *testing.T) {
		s := openServer(t, 2, backend.CertNone, "CERTFILE:a="+c, "KEYFILE:a="+k, "KEYFILE:a=/nonexistent")
		if pair, err := s.Config.Keys("a"); err != nil || pair == nil {
			t.Errorf("Keys: %v, %v", pair, err)
		}
	})
}

// Not parallel to other tests: the limit is the process's.
func TestManyNames(t *testing.T) {
	f := newSNIFolder(t, "")
	cert := f.env[0][len("CERTFILE="):]
	for i := range 100 {
		f.env = append(f.env, fmt.Sprintf("CERTFILE:h%d.example=%s", i, cert), fmt.Sprintf("KEYFILE:h%d.example=%s", i, f.key))
	}
	var saved syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &saved); err != nil {
		t.Fatal(err)
	}
	if saved.Max < 400 {
		need.Missing(t, "a hard limit of 400 open files", "ulimit -Hn 400")
	}
	low := saved
	low.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &saved) })
	s := openServer(t, 1, backend.CertNone, f.env...)
	pair, err := s.Config.Keys("h99.example")
	if err != nil || pair.KeyName != "KEYFILE:h99.example: "+f.key {
		t.Errorf("Keys: %v, %v", pair, err)
	}
}
