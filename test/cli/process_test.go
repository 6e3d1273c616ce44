//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/test/lab/launch"
	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
	"ucspitls/test/need"
)

// A spec is a program to be started.
type spec struct {
	program string // "s6-tlsd", or a path
	name    string // its argv[0]; empty: program
	args    []string
	env     []string
	files   map[int]*os.File // what it gets besides stderr; the test's copies are closed
	stdout  bool             // what it writes to 1 is kept
	root    string           // where it runs; empty: /
	user    *syscall.Credential
}

// A process is a program under test. It and all that it started write to one
// stderr: its EOF says that they all have ended.
type process struct {
	*launch.Process
	t      *testing.T
	name   string
	pid    int
	ended  <-chan struct{}
	silent <-chan struct{} // closed at the EOF of stderr
	daemon *daemon         // where its sessions are, or nil
}

// start starts a program with exactly the given descriptors.
func start(t *testing.T, s spec) *process {
	t.Helper()
	var d *daemon
	if overIOD {
		d = daemonFor(t, &s)
	}
	path := s.program
	if !filepath.IsAbs(path) {
		path = filepath.Join(bin, path)
	}
	if s.name == "" {
		s.name = s.program
	}
	p := launch.Run(t, launch.Spec{Path: path, Argv: append([]string{s.name}, s.args...), Env: append([]string{"PATH=" + os.Getenv("PATH")}, s.env...),
		Dir: s.root, Files: s.files, User: s.user, Stdout: s.stdout})
	return &process{p, t, filepath.Base(s.program), p.Pid, p.Ended, p.Silent, d}
}

// written is stderr so far.
func (p *process) written() string { return p.Stderr() }

// code waits for the end of the program itself, which may have become prog,
// and gives its exit code, 128+N for signal N.
func (p *process) code() int {
	p.t.Helper()
	await(p.t, p.ended, "the end of the program")
	return p.Code()
}

// stderr waits until everything that the program started has ended and gives
// all that was said.
func (p *process) stderr() string {
	p.t.Helper()
	await(p.t, p.silent, "the end of all processes")
	if p.daemon != nil {
		return p.written() + asIO(p.daemon.stop())
	}
	return p.written()
}

// expect checks exit code and stderr; line is without the final newline,
// empty for nothing.
func (p *process) expect(code int, line string) {
	p.t.Helper()
	if got := p.code(); got != code {
		p.t.Errorf("exit code %d, want %d", got, code)
	}
	expectLine(p.t, p.stderr(), line)
}

func expectLine(t *testing.T, got, want string) {
	t.Helper()
	if want != "" {
		want += "\n"
	}
	if got != want {
		t.Errorf("stderr\n got %q\nwant %q", got, want)
	}
}

func await(t *testing.T, done <-chan struct{}, what string) { t.Helper(); wait.For(t, done, what) }

// eventually looks until what it waits for is so, for what can't be waited
// for otherwise.
func eventually(t *testing.T, what string, so func() bool) { t.Helper(); wait.Eventually(t, what, so) }

func children(pid int) []int             { return proc.Children(pid) }
func descriptors(pid int) map[int]string { return proc.Descriptors(pid) }

// child gives the one child of pid that runs program (by its argv[0]).
func child(t *testing.T, pid int, program string) int {
	t.Helper()
	if program == "s6-tlsd-io" {
		chainOnly(t, "the tunnel is not a process")
	}
	found := 0
	eventually(t, program+" as a child", func() bool {
		for _, n := range children(pid) {
			data, _ := os.ReadFile("/proc/" + strconv.Itoa(n) + "/cmdline")
			name, _, _ := strings.Cut(string(data), "\x00")
			if filepath.Base(name) == program {
				found = n
			}
		}
		return found != 0
	})
	return found
}

func environOf(t *testing.T, pid int) []string   { return words(t, pid, "environ") }
func commandLine(t *testing.T, pid int) []string { return words(t, pid, "cmdline") }

func words(t *testing.T, pid int, file string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	if os.IsPermission(err) {
		need.Root(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}
