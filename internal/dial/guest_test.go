package dial

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/internal/resolve/resolvetest"
	"ucspitls/test/lab/launch"
	"ucspitls/test/need"
)

// prog has 0, 1, 2 as they were, 6 and 7 for the network, what else there was
// at the start, and nothing more.
func TestDescriptors(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	list := []string{"sh", "-c", "ls /proc/self/fd"}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for n := range 6 { // 3, 4, ... up to where 6 and 7 are taken
		files := slices.Repeat([]*os.File{file}, n)
		direct := exec.Command(list[0], list[1:]...)
		direct.ExtraFiles = files
		out, err := direct.Output()
		if err != nil {
			need.Missing(t, "/proc", err.Error())
		}
		// ls itself has one for the directory, the lowest free one, whose number moves.
		cmd := exec.Command(world.Bin+"/s6-tlsclient", append([]string{"-H", "--no-verify-cert", "127.0.0.1", s.port}, list...)...)
		cmd.ExtraFiles = files
		got, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{"6": true, "7": true}
		for _, fd := range strings.Fields(string(out)) {
			want[fd] = true
		}
		have := strings.Fields(string(got))
		for _, fd := range have {
			if !want[fd] && fd != "8" && fd != "9" {
				t.Errorf("%d more at the start: %s is new in %v, without: %s", n, fd, have, out)
			}
		}
		for _, fd := range []string{"0", "1", "2", "6", "7"} {
			if !slices.Contains(have, fd) {
				t.Errorf("%d more at the start: no %s in %v", n, fd, have)
			}
		}
	}
}

// prog starts with the limits and the ignored signals of s6-tlsclient.
func TestLimitsAndSignals(t *testing.T) {
	want := resolvetest.Limits(t)
	s := serve(t, "127.0.0.1:0")
	for _, opts := range []string{"-H", ""} {
		argv := slices.Concat([]string{world.Bin + "/s6-tlsclient", "--no-verify-cert"}, strings.Fields(opts), []string{"127.0.0.1", s.port}, resolvetest.State)
		if r := launch.Output(t, launch.Spec{Argv: resolvetest.Limited(argv...), Env: os.Environ()}); r.Code != 0 || r.Stdout != want {
			t.Errorf("%s: %+v\nwant %s", opts, r, want)
		}
	}
}

// -D sets TCP_NODELAY once more: the TLS process does so in any case.
func TestNagle(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	strace := need.Program(t, "strace", "strace")
	count := func(opts string) int {
		log := filepath.Join(t.TempDir(), "log")
		args := append([]string{"-f", "-e", "trace=setsockopt", "-o", log, world.Bin + "/s6-tlsclient", "-H", "--no-verify-cert"}, strings.Fields(opts)...)
		if out, err := exec.Command(strace, append(args, "127.0.0.1", s.port, "true")...).CombinedOutput(); err != nil {
			need.Missing(t, "strace that may trace", fmt.Sprintf("%v %s", err, out))
		}
		b, _ := os.ReadFile(log)
		return strings.Count(string(b), "TCP_NODELAY, [1]")
	}
	without := count("")
	for opts, more := range map[string]int{"-d": 0, "-D": 1, "-Dd": 0, "-dD": 1, "--no-nagle": 1, "-D --nagle": 0} {
		if got := count(opts); got != without+more {
			t.Errorf("%s: %d times, without an option %d", opts, got, without)
		}
	}
}

func TestNoSibling(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	for _, way := range entrytest.Unrunnable {
		alone := filepath.Join(t.TempDir(), "s6-tlsclient")
		if err := entrytest.CopyProgram(alone, world.Bin+"/s6-tlsclient"); err != nil {
			t.Fatal(err)
		}
		sibling := filepath.Dir(alone) + "/s6-tlsc"
		if err := way.Make(sibling); err != nil {
			t.Fatal(err)
		}
		r := launch.Output(t, launch.Spec{Argv: []string{alone, "-H", "127.0.0.1", s.port, "true"}, Env: os.Environ()})
		if want := "s6-tlsclient: fatal: cannot run " + sibling + ": " + way.Why.Error() + "\n"; r.Code != way.Code || r.Stderr != want {
			t.Errorf("%s: %+v", way.Name, r)
		}
	}
}
