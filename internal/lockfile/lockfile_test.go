package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
)

// directory opens a new one.
func directory(t *testing.T) (dir string, fd int) {
	t.Helper()
	dir = t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return dir, fd
}

// A fake clock, which a pause moves.
type fake struct {
	now  time.Time
	said []string
	stop time.Duration // how long until the wait is ended from outside; 0: never
}

func (f *fake) wait() Wait {
	start := f.now
	return Wait{
		Warn:  func(text ...string) { f.said = append(f.said, strings.Join(text, "")) },
		Pause: func(d time.Duration) bool { f.now = f.now.Add(d); return f.stop == 0 || f.now.Sub(start) < f.stop },
		Now:   func() time.Time { return f.now },
	}
}

func failure(err error) string {
	if e, ok := errors.AsType[*diag.Error](err); ok {
		return strconv.Itoa(e.Code) + " " + e.Text
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// flock locks a file as any process that can open it does.
func flock(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
}

func TestTake(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir, path string)
		stop time.Duration
		want string
		said string
		min  time.Duration
	}{
		{name: "nothing there"},
		{name: "the directory is locked", make: func(t *testing.T, dir, _ string) { flock(t, dir) }},
		{name: "left by a killed one", make: func(t *testing.T, _, path string) { write(t, path, 0o600) }},
		{name: "readable to others", make: func(t *testing.T, _, path string) { write(t, path, 0o644) }},
		{name: "with a second name", make: func(t *testing.T, dir, path string) {
			write(t, path, 0o600)
			if err := os.Link(path, dir+"/second"); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "held", make: func(t *testing.T, _, path string) { write(t, path, 0o600); flock(t, path) },
			want: "111 unable to lock PATH: another process has held it for 10s", said: "waiting for another process, which has locked PATH", min: Patience},
		{name: "held, readable to others", make: func(t *testing.T, _, path string) { write(t, path, 0o666); flock(t, path) },
			want: "111 unable to lock PATH: another process has held it for 10s", said: "waiting for another process, which has locked PATH", min: Patience},
		{name: "held, and stopped at once", make: func(t *testing.T, _, path string) { write(t, path, 0o600); flock(t, path) },
			stop: time.Millisecond, want: ErrStopped.Error()},
		{name: "held, and stopped later", make: func(t *testing.T, _, path string) { write(t, path, 0o600); flock(t, path) },
			stop: 3 * time.Second, want: ErrStopped.Error(), said: "waiting for another process, which has locked PATH", min: 3 * time.Second},
		{name: "a link to a file", make: func(t *testing.T, dir, path string) {
			write(t, dir+"/other", 0o600)
			os.Symlink("other", path)
		}, want: "96 PATH: is a symbolic link"},
		{name: "a link to nothing", make: func(t *testing.T, _, path string) { os.Symlink("nothing", path) }, want: "96 PATH: is a symbolic link"},
		{name: "a FIFO", make: func(t *testing.T, _, path string) { unix.Mkfifo(path, 0o600) }, want: "96 PATH: is not a regular file"},
		{name: "a directory", make: func(t *testing.T, _, path string) { os.Mkdir(path, 0o700) }, want: "111 unable to open PATH: is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, fd := directory(t)
			path := filepath.Join(dir, "lock")
			if c.make != nil {
				c.make(t, dir, path)
			}
			f := &fake{now: time.Unix(1, 0), stop: c.stop}
			l, err := Take(fd, "lock", path, f.wait())
			if got := failure(err); got != strings.ReplaceAll(c.want, "PATH", path) {
				t.Errorf("%q", got)
			}
			if got := strings.Join(f.said, "\n"); got != strings.ReplaceAll(c.said, "PATH", path) {
				t.Errorf("it said %q", got)
			}
			if d := f.now.Sub(time.Unix(1, 0)); d < c.min || d > c.min+maxPause {
				t.Errorf("it took %v, want %v", d, c.min)
			}
			if err != nil {
				return
			}
			if st, err := os.Lstat(path); err != nil || st.Mode() != 0o600 {
				t.Errorf("%v, %v", st, err)
			}
			if again, err := os.OpenFile(path, os.O_RDWR, 0); err != nil || unix.Flock(int(again.Fd()), unix.LOCK_EX|unix.LOCK_NB) != unix.EWOULDBLOCK {
				t.Errorf("it is not locked: %v", err)
			}
			l.Remove()
			if _, err := os.Lstat(path); err == nil {
				t.Error("it is still there")
			}
		})
	}
}

func write(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

// Of many one at a time works, whatever the one before has done with the file,
// and whatever file was there first.
func TestOneAtATime(t *testing.T) {
	dir, fd := directory(t)
	path := filepath.Join(dir, "lock")
	write(t, path, 0o644)
	var inside atomic.Int32
	var all sync.WaitGroup
	for n := range 30 {
		all.Go(func() {
			for range 20 {
				l, err := Take(fd, "lock", path, Wait{Warn: func(...string) {}, Pause: func(d time.Duration) bool { time.Sleep(d); return true }, Now: time.Now})
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two at a time")
				}
				inside.Add(-1) // with the name goes the lock
				switch n % 3 {
				case 0:
					l.Remove()
				case 1:
					os.Rename(path, dir+"/file")
					fallthrough
				default:
					l.Close()
				}
			}
		})
	}
	all.Wait()
}
