package ticketkeys

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/material/ticketfile"
	"ucspitls/test/need"
)

func rotation0(path string, previous int) *rotation {
	return &rotation{Printer: &diag.Printer{Name: "test"}, path: path, previous: previous}
}

func run(t *testing.T, path string, previous int, age time.Duration) {
	t.Helper()
	if _, err := rotation0(path, previous).run(age); err != nil {
		t.Fatal(err)
	}
}

func keysIn(t *testing.T, path string) []ticketfile.Key {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ticketfile.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func put(t *testing.T, path string, ages ...time.Duration) {
	t.Helper()
	var keys []ticketfile.Key
	for i, age := range ages {
		keys = append(keys, ticketfile.Key{Made: time.Now().Add(-age), Secret: bytes.Repeat([]byte{byte(i + 1)}, 32)})
	}
	if err := os.WriteFile(path, ticketfile.Format(keys), 0o600); err != nil {
		t.Fatal(err)
	}
}

// alone checks that nothing else is left in the directory.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	var before []ticketfile.Key
	for n := range 6 {
		if n == 3 {
			syscall.Umask(0o777)
		}
		run(t, path, 3, 0)
		keys := keysIn(t, path)
		if len(keys) != min(n+1, 4) {
			t.Fatalf("run %d: %d keys", n, len(keys))
		}
		for i, key := range keys[1:] {
			if !bytes.Equal(key.Secret, before[i].Secret) || !key.Made.Equal(before[i].Made) {
				t.Errorf("run %d: key %d is another one", n, i)
			}
		}
		if len(keys[0].Secret) != 32 || time.Since(keys[0].Made).Abs() > time.Minute {
			t.Errorf("run %d: %v", n, keys[0].Made)
		}
		if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
			t.Errorf("run %d: %v, %v", n, st.Mode(), err)
		}
		alone(t, path)
		before = keys
	}
	run(t, path, 0, 0)
	if keys := keysIn(t, path); len(keys) != 1 {
		t.Errorf("%d keys without previous ones", len(keys))
	}
}

func TestIfOlder(t *testing.T) {
	const day = 24 * time.Hour
	path := filepath.Join(t.TempDir(), "keys")
	for _, c := range []struct {
		ages []time.Duration
		age  time.Duration
		new  bool
	}{
		{nil, day, true},
		{[]time.Duration{time.Hour}, day, false},
		{[]time.Duration{time.Hour, 30 * day}, day, false},
		{[]time.Duration{25 * time.Hour}, day, true},
		{[]time.Duration{time.Hour}, 0, true},
		{[]time.Duration{-time.Hour}, day, false},
		{[]time.Duration{-30 * day}, day, true},
	} {
		put(t, path, c.ages...)
		before, _ := os.ReadFile(path)
		run(t, path, 3, c.age)
		after, _ := os.ReadFile(path)
		if bytes.Equal(before, after) == c.new {
			t.Errorf("%v, %v: a new key, or none", c.ages, c.age)
		}
	}
}

// A key is dropped when the last ticket that it sealed has expired: seven
// days after it was replaced, whenever it was made.
func TestDropped(t *testing.T) {
	const day = 24 * time.Hour
	path := filepath.Join(t.TempDir(), "keys")
	for _, c := range []struct {
		ages []time.Duration
		kept int
	}{
		{[]time.Duration{100 * day}, 1},
		{[]time.Duration{6 * day, 100 * day}, 2},
		{[]time.Duration{8 * day, 100 * day}, 1},
		{[]time.Duration{day, 2 * day, 3 * day, 9 * day, 10 * day}, 4},
		{[]time.Duration{day, 6 * day, 8 * day, 9 * day}, 3},
	} {
		put(t, path, c.ages...)
		run(t, path, 10, 0)
		if keys := keysIn(t, path); len(keys) != c.kept+1 {
			t.Errorf("%v: %d kept, want %d", c.ages, len(keys)-1, c.kept)
		}
	}
}

// What is no file of keys is left alone.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	put(t, path("good"), 0)
	for _, err := range []error{
		os.WriteFile(path("passwd"), []byte("root:x:0:0:\n"), 0o600),
		os.WriteFile(path("large"), []byte(strings.Repeat("#\n", 10000)), 0o600),
		os.Mkdir(path("dir"), 0o700), os.Mkdir(path("good2.new"), 0o700),
		os.Symlink("good", path("link")), os.Symlink("nowhere", path("dangling")),
		syscall.Mkfifo(path("fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"passwd":   "96 PATH: line 1: not a time and a key; it is left as it is",
		"large":    "96 PATH: is larger than 16 KiB; it is left as it is",
		"dir":      "96 PATH: is not a regular file",
		"link":     "96 PATH: is a symbolic link",
		"dangling": "96 PATH: is a symbolic link",
		"fifo":     "96 PATH: is not a regular file",
		"":         "100 PATH is not the name of a file",
		"good/":    "100 PATH is not the name of a file",
		"..":       "100 PATH is not the name of a file",
		"good/x":   "111 unable to open " + dir + "/good/: not a directory",
		"none/x":   "111 unable to open " + dir + "/none/: no such file or directory",
		"good2":    "111 unable to open PATH.new: is a directory",
	} {
		at := dir + "/" + name
		before := content(at)
		_, err := rotation0(at, 3).run(0)
		e, ok := err.(*diag.Error)
		if !ok || diag.Int(e.Code)+" "+e.Text != strings.ReplaceAll(want, "PATH", at) {
			t.Errorf("%q: %v", name, err)
		}
		if content(at) != before {
			t.Errorf("%q was changed", name)
		}
	}
	if keys := keysIn(t, path("good")); len(keys) != 1 || keys[0].Secret[0] != 1 {
		t.Error("the file behind the link was changed")
	}
}

// content is that of a regular file, links followed.
func content(path string) string {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return ""
	}
	data, _ := os.ReadFile(path)
	return string(data)
}

// Leftovers of one who was killed, and an empty file, are no obstacle.
func TestLeftovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	for _, name := range []string{path, path + ".new"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, path, 3, 0)
	alone(t, path)
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 || len(keysIn(t, path)) != 1 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

// Of a relative name, too, all is in one directory.
func TestRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	run(t, "keys", 3, 0)
	run(t, "./keys", 3, 0)
	if n := len(keysIn(t, "keys")); n != 2 {
		t.Errorf("%d keys", n)
	}
}

func TestOwner(t *testing.T) {
	need.Root(t)
	path := filepath.Join(t.TempDir(), "keys")
	put(t, path, 0)
	if err := os.Chown(path, 12345, 23456); err != nil {
		t.Fatal(err)
	}
	run(t, path, 3, 0)
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil || st.Uid != 12345 || st.Gid != 23456 || st.Mode&0o777 != 0o600 {
		t.Errorf("%d %d %o, %v", st.Uid, st.Gid, st.Mode, err)
	}
}

// Many at once: whoever reads finds a whole file, no key is lost, and of those
// with an age one makes a key.
func TestAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	run(t, path, 31, 0)
	stop := make(chan bool)
	var readers, writers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			data, err := os.ReadFile(path)
			if keys, flaw := ticketfile.Parse(data); err != nil || flaw != nil || len(keys) == 0 {
				t.Errorf("%d keys, %v, %v", len(keys), err, flaw)
				return
			}
		}
	})
	for range 20 {
		writers.Go(func() {
			if _, err := rotation0(path, 31).run(0); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if n := len(keysIn(t, path)); n != 21 {
		t.Errorf("%d keys after 21 runs", n)
	}
	put(t, path, 48*time.Hour)
	for range 20 {
		writers.Go(func() {
			if _, err := rotation0(path, 31).run(time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if n := len(keysIn(t, path)); n != 2 {
		t.Errorf("%d keys after 20 runs with -i", n)
	}
	alone(t, path)
}
