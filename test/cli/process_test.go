//go:build linux

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/test/need"
)

// A spec is a program to be started.
type spec struct {
	program string // "s6-tlsd", or a path
	name    string // its argv[0]; empty: program
	args    []string
	env     []string
	files   map[int]*os.File // what it gets besides stderr; the test's copies are closed
	root    string           // where it runs; empty: /
	user    *syscall.Credential
}

// A process is a program under test. It and all that it started write to one
// stderr: its EOF says that they all have ended.
type process struct {
	t      *testing.T
	name   string
	pid    int
	ended  chan struct{}
	state  *os.ProcessState
	silent chan struct{} // closed at the EOF of stderr
	daemon *daemon       // where its sessions are, or nil

	mu     sync.Mutex
	output bytes.Buffer
}

// start starts a program with exactly the given descriptors.
func start(t *testing.T, s spec) *process {
	t.Helper()
	var d *daemon
	if overIOD {
		d = daemonFor(t, &s)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	files := []*os.File{nil, nil, w}
	for n, f := range s.files {
		for len(files) <= n {
			files = append(files, nil)
		}
		files[n] = f
	}
	path := s.program
	if !filepath.IsAbs(path) {
		path = filepath.Join(bin, path)
	}
	attr := &os.ProcAttr{
		Dir:   s.root,
		Env:   append([]string{"PATH=" + os.Getenv("PATH")}, s.env...),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: s.user},
	}
	if attr.Dir == "" {
		attr.Dir = "/"
	}
	if s.name == "" {
		s.name = s.program
	}
	child, err := os.StartProcess(path, append([]string{s.name}, s.args...), attr)
	w.Close()
	for _, f := range s.files {
		f.Close()
	}
	if err != nil {
		r.Close()
		t.Fatal(err)
	}
	p := &process{t: t, name: filepath.Base(s.program), pid: child.Pid, ended: make(chan struct{}), silent: make(chan struct{}), daemon: d}
	go func() {
		p.state, _ = child.Wait()
		close(p.ended)
	}()
	go func() {
		defer close(p.silent)
		defer r.Close()
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			p.mu.Lock()
			p.output.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case <-p.silent:
		default:
			syscall.Kill(-p.pid, syscall.SIGKILL) // the group that it leads
			<-p.silent
		}
		<-p.ended
		if t.Failed() {
			if out := p.written(); out != "" {
				t.Logf("stderr of %s:\n%s", s.program, out)
			}
		}
	})
	return p
}

// written is stderr so far.
func (p *process) written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// code waits for the end of the program itself, which may have become prog,
// and gives its exit code, 128+N for signal N.
func (p *process) code() int {
	p.t.Helper()
	await(p.t, p.ended, "the end of the program")
	ws := p.state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
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

func await(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
	}
}

// eventually looks until what it waits for is so, for what can't be waited
// for otherwise.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// children gives the processes whose parent is pid.
func children(pid int) (list []int) {
	if files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)); len(files) > 0 {
		for _, path := range files {
			data, _ := os.ReadFile(path)
			for _, word := range strings.Fields(string(data)) {
				n, _ := strconv.Atoi(word)
				list = append(list, n)
			}
		}
		return list
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range dirs {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid: the name may hold anything.
		f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(f) > 1 && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			list = append(list, n)
		}
	}
	return list
}

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

// descriptors gives what /proc/PID/fd shows.
func descriptors(pid int) map[int]string {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	names, _ := os.ReadDir(dir)
	all := map[int]string{}
	for _, e := range names {
		if link, err := os.Readlink(dir + e.Name()); err == nil {
			n, _ := strconv.Atoi(e.Name())
			all[n] = link
		}
	}
	return all
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
