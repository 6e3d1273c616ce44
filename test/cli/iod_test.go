//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"ucspitls/internal/option"
)

// overIOD has every server tool of these tests hand its connections to a shared
// process, one for each tool that is started: UCSPITLS_IOD=1 runs all of them
// that way. What a session says and how it ends is the same; where only a chain
// of processes can have it, a test calls chainOnly.
var overIOD = os.Getenv("UCSPITLS_IOD") == "1"

func chainOnly(t *testing.T, why string) {
	t.Helper()
	if overIOD {
		t.Skip("not with a shared process: " + why)
	}
}

// A daemon is an s6-tlsd-iod.
type daemon struct {
	*process
	path string // of its socket
}

var sockets atomic.Int64

// socketDir is a directory for a daemon's socket, with a short name.
func socketDir(t *testing.T, user *syscall.Credential) string {
	t.Helper()
	dir := filepath.Join(scratch, "iod"+strconv.FormatInt(sockets.Add(1), 10))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if user != nil {
		if err := os.Chown(dir, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startDaemon starts a shared process and waits until it serves; ok is false
// if it ended instead.
func startDaemon(t *testing.T, s spec) (d *daemon, ok bool) {
	t.Helper()
	d = &daemon{path: filepath.Join(socketDir(t, s.user), "s")}
	s.program = "s6-tlsd-iod"
	s.args = append(append([]string{"-d1"}, s.args...), d.path)
	s.files, s.stdout = map[int]*os.File{0: devNull(t)}, true
	d.process = start(t, s)
	return d, d.ready()
}

// ready waits until a program says with an empty line that it serves.
func (p *process) ready() bool {
	line, whole := p.Line()
	return whole && line == ""
}

// worker is the pid of the one that serves.
func (d *daemon) worker() int {
	d.t.Helper()
	return child(d.t, d.pid, "s6-tlsd-iod: worker")
}

// stop ends the daemon with its last session, and gives what it said.
func (d *daemon) stop() string {
	d.t.Helper()
	syscall.Kill(d.pid, syscall.SIGTERM)
	d.code()
	return d.process.stderr()
}

// daemonFor starts the shared process that a server tool's command line asks
// for, and gives the tool's environment.
func daemonFor(t *testing.T, s *spec) *daemon {
	t.Helper()
	table := &option.TLSD
	if delayed(s.program) {
		table = &option.UCSPITLSD
	}
	if filepath.IsAbs(s.program) || s.program != table.Program {
		return nil
	}
	settings, _, err := table.Parse(s.args)
	if err != nil || settings.Number(option.Show) != option.ShowNothing {
		return nil
	}
	d, ok := startDaemon(t, spec{args: settings.ServerIO(), env: s.env, root: s.root, user: s.user})
	if !ok {
		return nil
	}
	s.env = append(append([]string{}, s.env...), "TLS_IOD="+d.path)
	return d
}

// asIO turns what the daemon said about a connection into the words of an -io.
func asIO(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		rest, ok := strings.CutPrefix(line, "s6-tlsd-iod: ")
		if !ok {
			b.WriteString(line)
			continue
		}
		level, text, _ := strings.Cut(rest, ": connection ")
		if _, text, ok = strings.Cut(text, ": "); ok {
			b.WriteString("s6-tlsd-io: " + level + ": " + text)
		}
	}
	return b.String()
}
