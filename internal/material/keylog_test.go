package material

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"ucspitls/backend"
)

func TestKeyLog(t *testing.T) {
	f := newFolder(t)
	path := f.path("keys")
	c := openClient(t, "a.example", false, true, "SSLKEYLOGFILE="+path)
	st, err := os.Stat(path)
	if err != nil || st.Mode() != 0o600 {
		t.Fatalf("created %v, %v", st.Mode(), err)
	}
	if want := "the secrets of this session are written to " + path + " (SSLKEYLOGFILE)"; len(c.Warnings) != 1 || c.Warnings[0] != want {
		t.Errorf("warnings %q", c.Warnings)
	}
	// its descriptor is its own: no right to open the file is needed again
	moved := f.path("moved")
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	c.Config.KeyLog([]byte("CLIENT_RANDOM 01 02"))

	second := openServer(t, 0, backend.CertNone, "SSLKEYLOGFILE="+moved, "CERTFILE="+f.put("c", makeCert("a")), "KEYFILE="+f.put("k", sec1()))
	second.Config.KeyLog([]byte("SERVER 03 04"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				c.Config.KeyLog([]byte("x " + strings.Repeat("y", 300)))
				second.Config.KeyLog([]byte("x " + strings.Repeat("y", 300)))
			}
		})
	}
	all.Wait()
	c.Close()
	c.Config.KeyLog([]byte("too late"))
	got, err := os.ReadFile(moved)
	if err != nil {
		t.Fatal(err)
	}
	if want := "CLIENT_RANDOM 01 02\nSERVER 03 04\n" + strings.Repeat("x "+strings.Repeat("y", 300)+"\n", 800); string(got) != want {
		t.Errorf("the log has %d bytes, want %d, or lines are mixed", len(got), len(want))
	}
}

func TestKeyLogRefused(t *testing.T) {
	f := newFolder(t)
	f.put("target", nil)
	if err := os.Symlink("target", f.path("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(f.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		env  []string
		line string
	}{
		{"link", []string{"SSLKEYLOGFILE=" + f.path("link")}, "SSLKEYLOGFILE: open " + f.path("link") + ": is a symbolic link"},
		{"directory", []string{"SSLKEYLOGFILE=" + f.dir}, "SSLKEYLOGFILE: open " + f.dir + ": is a directory"},
		{"missing directory", []string{"SSLKEYLOGFILE=" + f.path("x/y")}, "SSLKEYLOGFILE: open " + f.path("x/y") + ": no such file or directory"},
		{"fifo", []string{"SSLKEYLOGFILE=" + f.path("fifo")}, "SSLKEYLOGFILE: open " + f.path("fifo") + ": no such device or address"},
		{"device", []string{"SSLKEYLOGFILE=/dev/null"}, "SSLKEYLOGFILE: /dev/null: is not a regular file"},
		{"FIPS", []string{"SSLKEYLOGFILE=" + f.path("keys"), "TLS_FIPS=require"}, "SSLKEYLOGFILE: not allowed with TLS_FIPS=require"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := descriptors()
			_, err := Open(Options{Environ: c.env, ServerName: "a.example", NoVerifyCert: true})
			wantExit(t, err, 96, c.line)
			if after := descriptors(); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
	if _, err := os.Stat(f.path("keys")); err == nil {
		t.Error("the log was created although it is refused")
	}
	t.Run("set-id", func(t *testing.T) {
		defer func(saved func() bool) { isSetID = saved }(isSetID)
		isSetID = func() bool { return true }
		c := openClient(t, "a.example", false, true, "SSLKEYLOGFILE="+f.path("keys"), "TLS_FIPS=require")
		if c.Config.KeyLog != nil || c.Warnings != nil || len(c.Notes) != 1 {
			t.Errorf("log %t, warnings %q, notes %q", c.Config.KeyLog != nil, c.Warnings, c.Notes)
		}
		if _, err := os.Stat(f.path("keys")); err == nil {
			t.Error("the log was created")
		}
	})
	if isSetID() {
		t.Error("the test process is not set-id")
	}
	t.Run("unset", func(t *testing.T) {
		if openClient(t, "a.example", false, true, "SSLKEYLOGFILE=").Config.KeyLog != nil {
			t.Error("there is a log")
		}
	})
}
