//go:build linux && (amd64 || arm64)

package entry

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/test/need"
)

// softlimit is what `softlimit -m 20000000` sets: DATA, STACK, MEMLOCK, AS.
var softlimit = []string{"soft=2:20000000", "soft=3:20000000", "soft=8:4096", "soft=9:20000000"}

// supervised is the process of a supervisor that ignores and blocks some:
// QUIT, PIPE, TERM, CHLD, and USR1, TERM, URG.
var supervised = []string{"ignore=3", "ignore=13", "ignore=15", "ignore=17", "block=10", "block=15", "block=23"}

// run starts argv in the given state and returns what it wrote to descriptor
// 1 and, after it, to 3, and its error with what it wrote to 2.
func run(t *testing.T, cmd *exec.Cmd, state []string, argv ...string) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var stdout, stderr bytes.Buffer
	cmd.Path = launch
	cmd.Args = slices.Concat([]string{launch}, state, argv)
	if cmd.Stdin == nil {
		cmd.Stdin = strings.NewReader("") // a pipe, not /dev/null
	}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &stdout, &stderr, []*os.File{w}
	if err := cmd.Run(); err != nil {
		return stdout.String(), errors.Join(err, errors.New(stderr.String()))
	}
	if stderr.Len() > 0 { // a thread that dies while another one is in execve
		return stdout.String(), errors.New(stderr.String())
	}
	w.Close()
	report, err := io.ReadAll(r)
	return stdout.String() + string(report), err
}

// state runs argv and cat behind it, and keeps the lines of cat that say
// which limits, ignored and blocked signals and timer slack it was started with.
func state(t *testing.T, cmd *exec.Cmd, process []string, argv ...string) string {
	t.Helper()
	out, err := run(t, cmd, process, append(argv, "/bin/cat", "/proc/self/limits", "/proc/self/status", "/proc/self/timerslack_ns")...)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(out) {
		if _, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			line = "Slack " + line
		}
		if slices.ContainsFunc([]string{"Max ", "SigIgn", "SigBlk", "Slack "}, func(s string) bool { return strings.HasPrefix(line, s) }) {
			kept = append(kept, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(kept, "\n")
}

func TestExecHandsOn(t *testing.T) {
	everything := slices.Concat(softlimit, supervised, []string{"soft=7:77"})
	for name, process := range map[string][]string{
		"nothing":    nil,
		"softlimit":  softlimit,
		"supervised": supervised,
		"everything": everything,
	} {
		outside := state(t, new(exec.Cmd), process)
		for _, how := range []string{"", "-ignore", "-busy", "-fail", "-fork", "brief", "brief-fork"} {
			t.Run(name+how, func(t *testing.T) {
				argv := []string{withEntry}
				how, brief := strings.CutPrefix(how, "brief")
				if brief {
					argv[0] = withBrief
				}
				if how != "" {
					argv = append(argv, how)
				}
				runs := 1
				if how == "-busy" {
					runs = 10
				}
				for range runs {
					if inside := state(t, new(exec.Cmd), process, argv...); inside != outside {
						t.Fatalf("outside:\n%s\nbehind the tool:\n%s", outside, inside)
					}
				}
			})
		}
		if name != "everything" {
			continue
		}
		// The comparison is worth something only if the state is there.
		for _, line := range []string{
			"Max address space 20000000 ", "Max data size 20000000 ", "Max stack size 20000000 ", "Max open files 77 ",
			"SigIgn: 0000000000015004", "SigBlk: 0000000000404200",
		} {
			if !strings.Contains(outside, line) {
				t.Errorf("%q is not in the state that the launcher made:\n%s", line, outside)
			}
		}
	}
}

// Without Exec the new program gets what the entry lifted: AS, DATA and NPROC,
// and no more, and has lost the ignored signals.
func TestPlainExec(t *testing.T) {
	hard := func(resource int) string {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(resource, &limit); err != nil {
			t.Fatal(err)
		}
		if limit.Max == ^uint64(0) {
			return "unlimited unlimited"
		}
		max := strconv.FormatUint(limit.Max, 10)
		return max + " " + max
	}
	process := slices.Concat(softlimit, supervised, []string{"soft=6:4000", "soft=7:77"})
	got := state(t, new(exec.Cmd), process, withEntry, "-plain")
	for _, line := range []string{
		"Max address space " + hard(syscall.RLIMIT_AS), "Max data size " + hard(syscall.RLIMIT_DATA),
		"Max processes " + hard(rlimitNPROC), "Max stack size 20000000 ", "Max open files 77 ", "SigIgn: 0000000000000000",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("want %q in\n%s", line, got)
		}
	}
}

// The process limit counts threads: a C program needs one, the runtime five.
// What a program for one connection is started with besides: a slack of its
// timers, and the open files that were taken from it while the runtime started.
func TestBrief(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	hard := strconv.FormatUint(files.Max, 10)
	for _, closed := range []string{"", "close=0"} {
		process := []string{"soft=7:77"}
		if closed != "" {
			process = append(process, closed)
		}
		got := state(t, new(exec.Cmd), process, withBrief, "-plain")
		for _, line := range []string{"Max open files " + hard + " " + hard + " files", "Slack 1000000"} {
			if !strings.Contains(got, line) {
				t.Errorf("%q is not in\n%s", line, got)
			}
		}
		if got, want := state(t, new(exec.Cmd), process, withBrief), state(t, new(exec.Cmd), process); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestProcessLimit(t *testing.T) {
	process := []string{"soft=6:1"}
	command := func() *exec.Cmd {
		cmd := new(exec.Cmd)
		if os.Geteuid() == 0 { // it does not bind root
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
		}
		return cmd
	}
	outside := state(t, command(), process)
	if inside := state(t, command(), process, withEntry); inside != outside {
		t.Errorf("outside:\n%s\nbehind the tool:\n%s", outside, inside)
	}
	if _, err := run(t, command(), process, withoutEntry, "/bin/true"); err == nil {
		t.Error("the runtime runs without the entry: NPROC need not be lifted")
	}
}

// The words of a long command and environment are prepared before the limits go back.
func TestExecBig(t *testing.T) {
	script := `echo $# ${#BIG}; ulimit -S -v`
	for range 10 {
		out, err := run(t, new(exec.Cmd), softlimit, withEntry, "-big", "/bin/sh", "-c", script)
		if want := "999 1020\n19531\n"; err != nil || out != want {
			t.Fatalf("got %q, %v; want %q", out, err, want)
		}
	}
}

func TestExecError(t *testing.T) {
	_, err := run(t, new(exec.Cmd), softlimit, withEntry, "/nonexistent/prog")
	if err == nil || !strings.Contains(err.Error(), "exec: no such file or directory") {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	for set := range 8 {
		var process []string
		want := ""
		for fd := range 3 {
			if set>>fd&1 != 0 {
				process = append(process, "close="+string(rune('0'+fd)))
				want += " closed" + string(rune('0'+fd))
			}
		}
		for prog, recorded := range map[string]string{withEntry: "recorded", withoutEntry: ""} {
			if got, err := run(t, new(exec.Cmd), process, prog, "-report"); err != nil || got != recorded+want+"\n" {
				t.Errorf("%s, %v: got %q, %v", filepath.Base(prog), process, got, err)
			}
		}
	}
}

// A descriptor that is /dev/null on purpose: only the one that is open as the
// runtime opens it is mistaken, and only without the entry.
func TestClosedNull(t *testing.T) {
	for _, c := range []struct {
		prog string
		mode int
		want string
	}{
		{withEntry, os.O_RDONLY, "recorded\n"},
		{withEntry, os.O_RDWR, "recorded\n"},
		{withoutEntry, os.O_RDONLY, "\n"},
		{withoutEntry, os.O_RDWR, " closed0\n"},
	} {
		null, err := os.OpenFile("/dev/null", c.mode, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := run(t, &exec.Cmd{Stdin: null}, nil, c.prog, "-report")
		null.Close()
		if err != nil || got != c.want {
			t.Errorf("%s, mode %d: got %q, %v; want %q", filepath.Base(c.prog), c.mode, got, err, c.want)
		}
	}
}

// What the entry is for, and what it can't do.
func TestRuntimeDies(t *testing.T) {
	for _, c := range []struct {
		prog, limit, want string
	}{
		{withoutEntry, "soft=9:20000000", noMemory},
		{withoutEntry, "soft=2:20000000", noMemory},
		{withEntry, "hard=9:20000000", noMemory},
		{withEntry, "hard=2:20000000", noMemory},
	} {
		_, err := run(t, new(exec.Cmd), []string{c.limit}, c.prog, "/bin/true")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != systemFailed || !strings.HasSuffix(err.Error(), filepath.Base(c.prog)+c.want) {
			t.Errorf("%s, %s: %v", filepath.Base(c.prog), c.limit, err)
		}
	}
}

// Without the entry Exec is syscall.Exec.
func TestExecWithoutEntry(t *testing.T) {
	process := []string{"soft=7:77"}
	outside := state(t, new(exec.Cmd), process)
	if inside := state(t, new(exec.Cmd), process, withoutEntry); inside != outside {
		t.Errorf("outside:\n%s\nbehind the tool:\n%s", outside, inside)
	}
}

// A smoke check under an emulator, which keeps AS and DATA to itself; it
// shows that the entry links and runs, what it lifts, and that all comes back.
func TestARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("the other tests run on arm64")
	}
	// Read here, so that the test cache knows that the outcome depends on it.
	if _, err := os.ReadFile("entry_linux_arm64.s"); err != nil {
		t.Fatal(err)
	}
	prog := filepath.Join(t.TempDir(), "prog")
	if !build(prog, "prog", "arm64", "-E ucspitls_entry") {
		t.Fatal("no program")
	}
	qemu := need.Program(t, "qemu-aarch64-static", "qemu-user-static")
	brief := filepath.Join(t.TempDir(), "brief")
	if !build(brief, "prog", "arm64", "-E ucspitls_brief") {
		t.Fatal("no program")
	}
	for _, how := range [][]string{{"close=0"}, nil} {
		got, err := run(t, new(exec.Cmd), how, qemu, brief, "-report")
		if want := strings.ReplaceAll("recorded closed0\n", " closed0", strings.Repeat(" closed0", len(how))); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	got, err := run(t, new(exec.Cmd), []string{"close=0", "close=2"}, qemu, prog, "-report")
	if want := "recorded closed0 closed2\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	process := append(slices.Clone(supervised), "soft=6:4000", "soft=7:77")
	outside := state(t, new(exec.Cmd), process)
	if inside := state(t, new(exec.Cmd), process, qemu, prog); inside != outside {
		t.Errorf("outside:\n%s\nbehind the tool:\n%s", outside, inside)
	}
	if plain := state(t, new(exec.Cmd), process, qemu, prog, "-plain"); strings.Contains(plain, "Max processes 4000 ") || !strings.Contains(plain, "Max open files 77 ") {
		t.Errorf("want NPROC lifted, NOFILE 77:\n%s", plain)
	}
}
