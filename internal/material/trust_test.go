package material

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/test/need"
)

func wantAnchors(t *testing.T, got [][]byte, want ...[]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d anchors, want %d", len(got), len(want))
	}
	for _, der := range want {
		if !slices.ContainsFunc(got, func(a []byte) bool { return bytes.Equal(a, der) }) {
			t.Error("an anchor is missing")
		}
	}
}

func TestAnchorFile(t *testing.T) {
	a, b := makeCert("a"), makeCert("b")
	pemA, pemB := armour("CERTIFICATE", a), armour("CERTIFICATE", b)
	good := []struct {
		name    string
		content []byte
		want    [][]byte
	}{
		{"PEM", pemA, [][]byte{a}},
		{"bundle", join([]byte("# a\n"), pemA, []byte("# b\n"), crlf(pemB)), [][]byte{a, b}},
		{"duplicates", join(pemA, pemB, pemA), [][]byte{a, b}},
		{"DER", a, [][]byte{a}},
		{"DER bundle", join(a, b, a), [][]byte{a, b}},
		{"with a key", join(armour("PRIVATE KEY", pkcs8()), pemA), [][]byte{a}},
	}
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			path := newFolder(t).put("ca", c.content)
			wantAnchors(t, openClient(t, "x.example", false, false, "CAFILE="+path).Config.Anchors, c.want...)
		})
	}
	trusted := armour("TRUSTED CERTIFICATE", join(a, []byte{0x30, 0x00}))
	bad := []struct {
		name    string
		content []byte
		line    string
	}{
		{"empty", nil, "the file is empty"},
		{"text", []byte("hello"), "no certificate in it"},
		{"key", armour("PRIVATE KEY", pkcs8()), "no certificate in it"},
		{"DER key", pkcs8(), "not a usable certificate"},
		{"one bad", join(pemA, armour("CERTIFICATE", []byte("rubbish"))), "not a usable certificate (PEM block at line 11)"},
		{"cut off", join(pemA, pemB[:40]), "the PEM block at line 11 is cut off"},
		{"trusted", join(pemA, trusted), "the trust settings of a TRUSTED CERTIFICATE are not supported (PEM block at line 11)"},
	}
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			path := newFolder(t).put("ca", c.content)
			_, err := Open(Options{Environ: []string{"CAFILE=" + path}, ServerName: "x.example"})
			line := c.line
			if i := bytes.Count(pemA, []byte("\n")) + 1; i != 11 {
				line = strings.Replace(line, "line 11", "line "+strconv.Itoa(i), 1)
			}
			wantExit(t, err, 96, "CAFILE: "+path+": "+line)
		})
	}
}

func TestAnchorDir(t *testing.T) {
	f := newFolder(t)
	a, b, c, d := makeCert("a"), makeCert("b"), makeCert("c"), makeCert("d")
	f.put("a.pem", armour("CERTIFICATE", a))
	f.put("b", b)
	f.put("bundle.crt", join(armour("CERTIFICATE", a), armour("CERTIFICATE", c), armour("CERTIFICATE", b)))
	f.put("copy-of-a", armour("CERTIFICATE", a))
	f.put("half", join(armour("CERTIFICATE", d), []byte("-----BEGIN CERTIFICATE-----\nMII")))
	f.put("README", []byte("text\n"))
	f.put("empty", nil)
	f.put("trusted", armour("TRUSTED CERTIFICATE", join(makeCert("e"), []byte{0x30, 0x00})))
	for link, target := range map[string]string{"5ed36f99.0": "a.pem", "5ed36f99.1": "b", "dangling": "nothing", "loop": "loop"} {
		if err := os.Symlink(target, f.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(f.path("dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(f.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	client := openClient(t, "x.example", false, false, "CAFILE=/nonexistent", "CADIR="+f.dir)
	wantAnchors(t, client.Config.Anchors, a, b, c, d)
	want := []string{
		"README: no certificate in it", "dangling: no such file or directory", "dir: not a regular file",
		"empty: the file is empty", "fifo: not a regular file", "half: the PEM block at line 11 is cut off",
		"loop: too many levels of symbolic links", "trusted: the trust settings of a TRUSTED CERTIFICATE are not supported (PEM block at line 1)",
	}
	for i, line := range want {
		n := bytes.Count(armour("CERTIFICATE", d), []byte("\n")) + 1
		want[i] = "CADIR: " + f.dir + "/" + strings.Replace(line, "line 11", "line "+strconv.Itoa(n), 1) + ", passed over"
	}
	if !slices.Equal(client.Notes, want) {
		t.Errorf("notes\n%s\nwant\n%s", strings.Join(client.Notes, "\n"), strings.Join(want, "\n"))
	}
}

func TestNoAnchors(t *testing.T) {
	f, empty := newFolder(t), newFolder(t)
	file := f.put("ca", armour("CERTIFICATE", makeCert("a")))
	empty.put("README", []byte("text"))
	cases := []struct {
		name string
		env  []string
		code int
		line string
	}{
		{"neither", nil, 100, "CADIR or CAFILE not set"},
		{"empty variables", []string{"CADIR=", "CAFILE="}, 100, "CADIR or CAFILE not set"},
		{"missing file", []string{"CAFILE=" + f.path("x")}, 96, "CAFILE: open " + f.path("x") + ": no such file or directory"},
		{"file is a directory", []string{"CAFILE=" + f.dir}, 96, "CAFILE: " + f.dir + ": is a directory"},
		{"missing directory", []string{"CADIR=" + f.path("x")}, 96, "CADIR: open " + f.path("x") + ": no such file or directory"},
		{"directory is a file", []string{"CADIR=" + file}, 96, "CADIR: open " + file + ": not a directory"},
		{"empty directory wins", []string{"CADIR=" + empty.dir, "CAFILE=" + file}, 96, "CADIR: no trust anchor found in " + empty.dir},
	}
	pair := []string{"CERTFILE=" + file, "KEYFILE=" + f.put("k", pkcs8())}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(Options{Environ: c.env, ServerName: "x.example"})
			wantExit(t, err, c.code, c.line)
			for _, mode := range []backend.CertMode{backend.CertOptional, backend.CertMandatory} {
				_, err = Open(Options{Server: true, Environ: append(c.env, pair...), Client: mode})
				wantExit(t, err, c.code, c.line)
			}
			// not looked at where nothing is verified
			openClient(t, "x.example", false, true, c.env...)
			openServer(t, 0, backend.CertNone, append(c.env, pair...)...)
		})
	}
	server := openServer(t, 0, backend.CertMandatory, append([]string{"CADIR=", "CAFILE=" + file}, pair...)...)
	if server.Config.Client != backend.CertMandatory || len(server.Config.Anchors) != 1 {
		t.Errorf("config %+v", server.Config)
	}
}

// The system's own store: every certificate under a hash name, its own name
// and in a bundle. Each file is read once, which this bounds generously.
func TestSystemStore(t *testing.T) {
	const store = "/etc/ssl/certs"
	entries, err := os.ReadDir(store)
	if err != nil || len(entries) < 20 {
		need.Package(t, "certificates in "+store, "ca-certificates")
	}
	begin := time.Now()
	client := openClient(t, "x.example", false, false, "CADIR="+store)
	t.Logf("%d names, %d anchors, %d notes, %v", len(entries), len(client.Config.Anchors), len(client.Notes), time.Since(begin))
	if n := len(client.Config.Anchors); n >= len(entries) {
		t.Errorf("%d anchors of %d names: duplicates", n, len(entries))
	}
}

func BenchmarkSystemStore(b *testing.B) {
	for b.Loop() {
		if _, err := readAnchorDir("/etc/ssl/certs", new(Report)); err != nil {
			need.Package(b, "certificates in /etc/ssl/certs", "ca-certificates")
		}
	}
}
