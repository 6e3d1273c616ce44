//go:build linux

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// openFiles gives the names of the files of a folder that a process has open.
func openFiles(pid int, dir string) []string {
	var open []string
	for _, link := range descriptors(pid) {
		if strings.HasPrefix(link, dir) {
			open = append(open, filepath.Base(link))
		}
	}
	slices.Sort(open)
	return open
}

// The guard has closed the keys of all other names before it reads the one
// that was asked for: that is a FIFO here, so that it stops there. Then it is
// killed: its end is the handshake's.
func TestKeyGuardReadsOneKey(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	needSight(t)
	t.Parallel()
	for _, killed := range []bool{false, true} {
		p := pki.New(t)
		env, dir := material(t)
		for _, name := range []string{"a.example", "b.example", "*.c.example"} {
			env = named(t, env, dir, name, p.Server(pki.P384))
		}
		fifo := filepath.Join(dir, "fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		keyEnd, err := os.OpenFile(fifo, os.O_RDWR, 0) // so that its opening does not wait
		if err != nil {
			t.Fatal(err)
		}
		defer keyEnd.Close()
		env = append(override(env, []string{"KEYFILE:b.example=" + fifo}), keyGuard)
		x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-k2"}, env: env})
		io := child(t, x.pid, "s6-tlsd-io")
		guard := guardOf(t, io)
		eventually(t, "all three keys to be open", func() bool { return len(openFiles(guard, dir)) == 3 })
		c := client(t, x.peer, askFor("b.example"))
		done := make(chan error, 1)
		go func() { done <- c.Handshake() }()
		eventually(t, "only the chosen key to be open", func() bool { return strings.Join(openFiles(guard, dir), " ") == "fifo" })
		if open := openFiles(io, dir); len(open) > 0 {
			t.Errorf("the tunnel has open: %s", open)
		}
		if killed {
			syscall.Kill(guard, syscall.SIGKILL)
			if err := <-done; alertOf(err) != "internal_error" {
				t.Errorf("the peer got %v", err)
			}
			x.peer.Close()
			x.expect(97, "s6-tlsd-io: fatal: TLS_KEYGUARD=1: the key guard ended without an answer (sent alert internal_error)")
			continue
		}
		if err := os.WriteFile(fifo, p.Server(pki.P384).KeyPEM(), 0); err != nil {
			t.Fatal(err)
		}
		keyEnd.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		x.stage.app().exit(0)
		c.Close()
		x.expect(0, "")
	}
}

// No process but the guard ever opens a key file, and the guard never has the
// network: told by all the calls of all processes.
func TestWhoOpensTheKey(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	needSight(t)
	t.Parallel()
	trace := need.Program(t, "strace", "strace")
	env, dir := material(t)
	env = named(t, env, dir, "a.example", pki.New(t).Server(pki.P384))
	env = named(t, env, dir, "b.example", pki.New(t).Server(pki.P384))
	log := filepath.Join(dir, "trace")
	peer, sock := network(t)
	x := start(t, spec{program: trace, args: []string{"-ff", "-yy", "-qq", "-s", "200", "-o", log, bin + "/s6-tlsd", "-k1", "--", "true"},
		env: append(env, keyGuard), files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
	c := handshake(t, peer, askFor("a.example"))
	expectPeer(t, c, "", false)
	c.Close()
	x.expect(0, "")
	logs, err := filepath.Glob(log + ".*")
	if err != nil || len(logs) == 0 {
		t.Fatal("no trace")
	}
	calls := map[string]string{} // by thread
	for _, path := range logs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		calls[strings.TrimPrefix(path, log+".")] = string(data)
	}
	isGuard := map[string]bool{}
	var mark func(thread string)
	mark = func(thread string) {
		isGuard[thread] = true
		for _, m := range cloned.FindAllStringSubmatch(calls[thread], -1) {
			mark(m[1])
		}
	}
	for thread, text := range calls {
		if strings.Contains(text, `["s6-tlsd-io: key guard of"`) {
			mark(thread)
		}
	}
	opened := 0
	for thread, text := range calls {
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "open") && strings.Contains(line, ".key\""):
				if opened++; !isGuard[thread] {
					t.Errorf("another process than the guard: %s", line)
				}
			case isGuard[thread] && strings.HasPrefix(line, "recv"), isGuard[thread] && strings.HasPrefix(line, "read(") && strings.Contains(line, "<TCP"):
				t.Errorf("the guard: %s", line)
			}
		}
	}
	if len(isGuard) == 0 || opened != 3 {
		t.Errorf("%d threads of a guard, %d openings of keys", len(isGuard), opened)
	}
}

var cloned = regexp.MustCompile(`(?m)^clone3?\(.*CLONE_THREAD.* = (\d+)`)

// opens reports whether a thread of a process is in openat(2).
func opens(t *testing.T, pid int) bool {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if os.IsPermission(err) {
			need.Root(t)
		}
		if strings.HasPrefix(string(data), fmt.Sprintf("%d ", syscall.SYS_OPENAT)) {
			return true
		}
	}
	return false
}
