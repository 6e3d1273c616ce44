package resolvetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/test/lab/launch"
	"ucspitls/test/lab/loopback"
	"ucspitls/test/need"
)

// A World is a directory with the project's programs, whose system is the files
// and servers of this world.
type World struct {
	Bin       string // the programs
	DNS       *DNS
	IdentPort string
	conf      string
	hosts     string
}

const variable = "-X ucspitls/internal/resolve."

// NewWorld builds the programs, for TestMain. root is the path to the module's root.
func NewWorld(root string) (*World, error) {
	dir, err := os.MkdirTemp("", "ucspitls")
	if err != nil {
		return nil, err
	}
	os.Chmod(dir, 0o755) // for runs as another user
	w := &World{Bin: filepath.Join(dir, "bin"), conf: filepath.Join(dir, "resolv.conf"), hosts: filepath.Join(dir, "hosts")}
	if w.DNS, err = StartDNS(); err != nil {
		return nil, err
	}
	if w.IdentPort, err = freePort(); err != nil {
		return nil, err
	}
	flags := "-E ucspitls_entry " + variable + "resolvConf=" + w.conf + " " + variable + "hostsFile=" + w.hosts +
		" " + variable + "dnsPort=" + w.DNS.Port + " " + variable + "identPort=" + w.IdentPort
	wrappers := []string{"./cmd/s6-tlsd", "./cmd/s6-tlsc", "./cmd/s6-ucspitlsd", "./cmd/s6-ucspitlsc"}
	for _, args := range [][]string{ // as the Makefile does
		{"-tags", "gotls", "-ldflags", flags, "./cmd/s6-..."},
		append([]string{"-tags", "fastentry", "-ldflags", "-E ucspitls_fast"}, wrappers...),
	} {
		cmd := exec.Command("go", append([]string{"build", "-o", w.Bin + "/"}, args...)...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if msg, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build: %v\n%s", err, msg)
		}
	}
	return w, w.Reset()
}

// Main is TestMain of a package whose tests run the programs: it sets *world.
func Main(m *testing.M, root string, world **World) {
	entrytest.ResetSignals()
	w, err := NewWorld(root)
	if err != nil {
		panic(err)
	}
	*world = w
	m.Run() // the testing package exits with its code
	w.Close()
}

// Close removes the directory.
func (w *World) Close() { os.RemoveAll(filepath.Dir(w.Bin)) }

// Reset makes a system with two name servers that know nothing and an empty
// hosts file. Tests that use a world can't be parallel.
func (w *World) Reset() error {
	w.DNS.Set(nil)
	return errors.Join(
		os.WriteFile(w.conf, []byte("nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1 attempts:1\n"), 0o644),
		os.WriteFile(w.hosts, nil, 0o644))
}

// Files replaces resolv.conf, if conf is not empty, and the hosts file, for one test.
func (w *World) Files(t testing.TB, conf, hosts string) {
	t.Helper()
	t.Cleanup(func() {
		if err := w.Reset(); err != nil {
			t.Error(err)
		}
	})
	if conf != "" {
		if err := os.WriteFile(w.conf, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(w.hosts, []byte(hosts), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Show checks what a program says of itself.
func (w *World) Show(t *testing.T, program, usage string) {
	t.Helper()
	for opt, want := range map[string]string{"--help": "usage: " + program + usage, "--version": program + " (ucspitls) "} {
		if r := launch.Output(t, launch.Spec{Argv: []string{w.Bin + "/" + program, opt}}); r.Code != 0 || !strings.HasPrefix(r.Stdout, want) {
			t.Errorf("%s: %+v", opt, r)
		}
	}
}

// Limited makes a command line that runs another one with limits of memory and
// files and with ignored signals, and State is a prog that writes those down.
func Limited(argv ...string) []string {
	return append([]string{"sh", "-c", `ulimit -S -v 20000; ulimit -S -d 20000; ulimit -S -n 77; trap "" PIPE USR1 TERM; exec "$@"`, "sh"}, argv...)
}

var State = []string{"sh", "-c", `grep -E "SigIgn|SigBlk" /proc/self/status; exec cat /proc/self/limits`}

// Limits is what State writes under those limits.
func Limits(t *testing.T) string {
	t.Helper()
	r := launch.Output(t, launch.Spec{Argv: Limited(State...), Env: os.Environ()})
	if r.Code != 0 || !strings.Contains(r.Stdout, " 20480000 ") || !strings.Contains(r.Stdout, "SigIgn:\t0000000000005200") {
		need.Missing(t, "a shell with ulimit -v, and /proc", r.Stderr)
	}
	return r.Stdout
}

// Environ reads what a prog has written that writes its environment.
func Environ(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	return env
}

func freePort() (string, error) {
	l, err := loopback.Listen()
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
