//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A holder has a lock on what it could open, like any process of its uid.
type holder struct {
	name string
	uid  int // -1: ours
}

func holders(t *testing.T) []holder {
	if os.Getuid() != 0 {
		return []holder{{"the same uid", -1}}
	}
	return []holder{{"the same uid", -1}, {"another uid", 65533}}
}

// lock gives what the opening said, and keeps the lock until the test's end.
func (h holder) lock(t *testing.T, path string) error {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() {
		if h.uid >= 0 {
			runtime.LockOSThread() // which ends with the goroutine: it is somebody else's for good
			unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
			unix.RawSyscall(unix.SYS_SETFSGID, uintptr(h.uid), 0, 0)
			unix.RawSyscall(unix.SYS_SETFSUID, uintptr(h.uid), 0, 0)
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err == nil {
			err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		}
		done <- result{fd, err}
	}()
	r := <-done
	if r.fd >= 0 {
		t.Cleanup(func() { unix.Close(r.fd) })
	}
	return r.err
}

// Two programs work on a file in a directory that others can read. stem is the
// file, and suffix makes the name of their lock.
var locking = []struct{ program, stem, suffix string }{
	{"s6-tls-ticketkeys", "keys", ".new"},
	{"s6-tlsd-iod", "socket", ".lock"},
}

// work starts one of them; ready waits until it has done its work, which is
// false if it has ended without.
func work(t *testing.T, program, path string) (p *process, ready func() bool) {
	t.Helper()
	if program == "s6-tls-ticketkeys" {
		before, _ := os.ReadFile(path)
		p = start(t, spec{program: program, args: []string{path}, files: map[int]*os.File{0: devNull(t), 1: devNull(t)}})
		return p, func() bool {
			if p.code() != 0 {
				return false
			}
			after, err := os.ReadFile(path)
			return err == nil && string(after) != string(before)
		}
	}
	env, _ := material(t)
	p = start(t, spec{program: program, args: []string{"-d1", path}, env: env, files: map[int]*os.File{0: devNull(t)}, stdout: true})
	return p, p.ready
}

// end ends it, if it is one that stays, and gives what it said.
func end(p *process) string {
	p.t.Helper()
	syscall.Kill(p.pid, syscall.SIGTERM)
	p.code()
	return p.stderr()
}

// What others may hold a lock on keeps nobody from working.
func TestLocksOfStrangers(t *testing.T) {
	t.Parallel()
	for _, l := range locking {
		for _, h := range holders(t) {
			for _, c := range []struct {
				name string
				path func(dir string) string
				mode os.FileMode // of a file that is there before; 0: none
			}{
				{"the directory", func(dir string) string { return dir }, 0},
				{"nothing, but a file readable to all has the lock's name", nil, 0o644},
				{"the file readable to all", func(dir string) string { return dir + "/" + l.stem }, 0o644},
			} {
				t.Run(l.program+"/"+h.name+"/"+c.name, func(t *testing.T) {
					t.Parallel()
					dir := scratchFolder(t)
					path := filepath.Join(dir, l.stem)
					if l.program == "s6-tls-ticketkeys" {
						ticketKeys(t, path)
						if c.mode != 0 {
							os.Chmod(path, c.mode)
						}
					} else if c.mode != 0 && c.path != nil {
						t.Skip("a socket can't be opened")
					}
					if c.path == nil {
						os.WriteFile(path+l.suffix, nil, c.mode)
						os.Chmod(path+l.suffix, c.mode)
					} else if err := h.lock(t, c.path(dir)); err != nil {
						t.Fatal(err)
					}
					p, ready := work(t, l.program, path)
					if !ready() {
						t.Error("it did not do its work")
					}
					if h.uid >= 0 && l.program == "s6-tls-ticketkeys" { // and what is new is not to be had
						if err := h.lock(t, path); err != syscall.EACCES {
							t.Errorf("a stranger may lock the new file: %v", err)
						}
					}
					if out := end(p); out != "" {
						t.Errorf("stderr %q", out)
					}
				})
			}
		}
	}
}

// The lock itself can be held by the same user alone, or by one whom a file of
// the wrong mode has let in. Its wait is announced, has an end, and a signal
// is one. What is no lock is refused.
func TestLocksThatAreHeld(t *testing.T) {
	t.Parallel()
	const waits, gives = "warning: waiting for another process, which has locked LOCK", "fatal: unable to lock LOCK: another process has held it for 10s"
	held := func(mode os.FileMode) func(*testing.T, holder, string) {
		return func(t *testing.T, h holder, lock string) {
			os.WriteFile(lock, nil, mode)
			os.Chmod(lock, mode)
			if err := h.lock(t, lock); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, l := range locking {
		stopped := 128 + 15
		if l.program == "s6-tlsd-iod" {
			stopped = 0
		}
		for _, c := range []struct {
			name    string
			make    func(*testing.T, holder, string)
			foreign bool // somebody else may do it, too
			signal  syscall.Signal
			code    int
			lines   []string
		}{
			{"held", held(0o600), false, 0, 111, []string{waits, gives}},
			{"held, readable to all", held(0o644), true, 0, 111, []string{waits, gives}},
			{"held, and SIGTERM", held(0o600), false, syscall.SIGTERM, stopped, []string{waits}},
			{"a link", func(_ *testing.T, _ holder, lock string) { os.Symlink("/etc/passwd", lock) }, false, 0, 96, []string{"fatal: LOCK: is a symbolic link"}},
			{"a FIFO", func(_ *testing.T, _ holder, lock string) { syscall.Mkfifo(lock, 0o600) }, false, 0, 96, []string{"fatal: LOCK: is not a regular file"}},
			{"a directory", func(_ *testing.T, _ holder, lock string) { os.Mkdir(lock, 0o700) }, false, 0, 111, []string{"fatal: unable to open LOCK: is a directory"}},
		} {
			for _, h := range holders(t) {
				if h.uid >= 0 && !c.foreign {
					continue
				}
				t.Run(l.program+"/"+h.name+"/"+c.name, func(t *testing.T) {
					t.Parallel()
					path := filepath.Join(scratchFolder(t), l.stem)
					c.make(t, h, path+l.suffix)
					p, _ := work(t, l.program, path)
					if c.signal != 0 {
						eventually(t, "a line", func() bool { return strings.HasSuffix(p.written(), "\n") })
						syscall.Kill(p.pid, c.signal)
					}
					if code := p.code(); code != c.code {
						t.Errorf("exit code %d, want %d", code, c.code)
					}
					want := ""
					for _, line := range c.lines {
						want += l.program + ": " + strings.ReplaceAll(line, "LOCK", path+l.suffix) + "\n"
					}
					if out := p.stderr(); out != want {
						t.Errorf("stderr %q, want %q", out, want)
					}
					if _, err := os.Lstat(path); err == nil {
						t.Error("it worked all the same")
					}
				})
			}
		}
	}
}

// Where others can write they can do worse than to hold a lock.
func TestDirectoriesOfOthers(t *testing.T) {
	t.Parallel()
	for _, l := range locking {
		for _, mode := range []os.FileMode{0o777, 0o775, 0o777 | os.ModeSticky, 0o755} {
			dir := scratchFolder(t)
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
			if mode == 0o755 { // the owner is one of the others
				if os.Getuid() != 0 {
					continue
				}
				if err := os.Chown(dir, 65534, 65534); err != nil {
					t.Fatal(err)
				}
			}
			p, _ := work(t, l.program, filepath.Join(dir, l.stem))
			if code, out := p.code(), p.stderr(); code != 96 || !strings.Contains(out, ": others can write to ") || strings.Count(out, "\n") != 1 {
				t.Errorf("%s, %v: exit code %d, stderr %q", l.program, mode, code, out)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 0 {
				t.Errorf("%s, %v: left %v", l.program, mode, entries)
			}
		}
	}
}

// Of many that start at once one serves, whether or not a dead one has left
// its socket, and the others say so.
func TestSharedStartedAtOnce(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{false, true} {
		path := filepath.Join(socketDir(t, nil), "s")
		if stale {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
				t.Fatal(err)
			}
			unix.Close(fd)
		}
		const many = 8
		ps := make([]*process, many)
		readies := make([]func() bool, many)
		for n := range many {
			ps[n], readies[n] = work(t, "s6-tlsd-iod", path)
		}
		serving := -1
		for n := range many {
			if readies[n]() {
				if serving >= 0 {
					t.Error("two serve")
				}
				serving = n
				continue
			}
			ps[n].expect(111, "s6-tlsd-iod: fatal: somebody listens on "+path+" already")
		}
		if serving < 0 {
			t.Fatal("none serves")
		}
		if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
			t.Errorf("left %v", entries)
		}
		if out := end(ps[serving]); out != "" {
			t.Errorf("stderr %q", out)
		}
	}
}
