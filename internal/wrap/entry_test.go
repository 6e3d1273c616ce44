//go:build linux && (amd64 || arm64) && !race

package wrap_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/test/need"
)

// TestWaiting: the waiting process is one thread with a few pages of its own,
// and says what it waits for.
func TestWaiting(t *testing.T) {
	for _, w := range wrappers {
		if !w.Delayed {
			continue
		}
		dir := t.TempDir()
		cmd := exec.Command(filepath.Join(bin, "fast", w.Table.Program), filepath.Join(bin, "fast", "show"))
		cmd.Dir = dir
		null, _ := os.Open("/dev/null")
		defer null.Close()
		cmd.ExtraFiles = []*os.File{null, null, null, null, null}
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, "waiting"))
		if want := w.Table.Program + ": waiting for\x00" + strconv.Itoa(cmd.Process.Pid) + "\x00"; !bytes.HasPrefix(b, []byte(want)) {
			t.Errorf("the waiting process is %.80q, want %q", b, want)
		}
		if !bytes.Contains(b, []byte("\nThreads:\t1\n")) {
			t.Errorf("%s: it has threads:\n%s", w.Table.Program, b)
		}
		// What the linker has just written is still dirty in the page cache.
		own := regexp.MustCompile(`Anonymous: +(\d+) kB`).FindSubmatch(b)
		if own == nil {
			t.Fatalf("no figures:\n%s", b)
		}
		if kB, _ := strconv.Atoi(string(own[1])); kB > 100 {
			t.Errorf("%s: %d kB of its own", w.Table.Program, kB)
		} else {
			t.Logf("%s: %d kB of its own", w.Table.Program, kB)
		}
	}
}

// TestManyStarts: 1,800 of them, one after the other, while signals arrive that
// every process may ignore.
func TestManyStarts(t *testing.T) {
	starts := 450
	if testing.Short() {
		starts = 50
	}
	dir := t.TempDir()
	null, _ := os.Open("/dev/null")
	defer null.Close()
	for _, w := range wrappers {
		for range starts {
			cmd := exec.Command(filepath.Join(bin, "fast", w.Table.Program), "true")
			cmd.Dir = dir
			cmd.Env = []string{"PATH=/bin", "BLOB=SSL_ALPN=b||"}
			cmd.ExtraFiles = []*os.File{null, null, null, null, null}
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stop := make(chan bool)
			go func() {
				defer close(stop)
				for _, n := range []syscall.Signal{syscall.SIGURG, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGCHLD} {
					for range 5 {
						syscall.Kill(-cmd.Process.Pid, n)
					}
				}
			}()
			err := cmd.Wait()
			<-stop
			if err != nil {
				t.Fatalf("%s: %v", w.Table.Program, err)
			}
		}
	}
}

// TestARM64: the other architecture under an emulator, with -io programs and
// progs of this one. What the emulator logs shows that the runtime never starts.
func TestARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("the other tests run on arm64")
	}
	qemu := need.Program(t, "qemu-aarch64-static", "qemu-user-static")
	arm := filepath.Join(t.TempDir(), "arm64")
	t.Setenv("GOARCH", "arm64")
	if !build(arm+"/", append(builds[0].flags, programs...)...) {
		t.Fatal("no programs")
	}
	for _, name := range []string{"show", "s6-tlsd-io", "s6-tlsc-io"} {
		if err := os.Symlink(filepath.Join(bin, "fast", name), filepath.Join(arm, name)); err != nil {
			t.Fatal(err)
		}
	}
	null, _ := os.Open("/dev/null")
	defer null.Close()
	for _, w := range wrappers {
		for _, args := range []string{"-JS show a", "--help"} {
			dir := t.TempDir()
			log := filepath.Join(dir, "log")
			cmd := exec.Command(qemu, append([]string{"-strace", "-D", log, filepath.Join(arm, w.Table.Program)}, strings.Fields(args)...)...)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + arm, "BLOB=SSL_ALPN=b||", "COMMAND=Y", "HTTPS=forged"}
			cmd.ExtraFiles = []*os.File{null, null, null, null, null}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s %s: %v\n%s", w.Table.Program, args, err, out)
			}
			calls, _ := os.ReadFile(log)
			if plain := args != "--help"; bytes.Contains(calls, []byte("sched_getaffinity(")) == plain {
				t.Errorf("%s %s: that the runtime starts is not %v:\n%s", w.Table.Program, args, !plain, calls)
			} else if !plain {
				continue
			}
			io, _ := os.ReadFile(filepath.Join(dir, "io"))
			prog, _ := os.ReadFile(filepath.Join(dir, "prog"))
			if !bytes.Contains(io, []byte(`-io" "-d" "5" "-S" "-J" "--" "3" "4"`)) || !bytes.Contains(prog, []byte(`cmdline "show" "a"`)) || bytes.Contains(prog, []byte("HTTPS")) {
				t.Errorf("%s:\n%s\n%s", w.Table.Program, io, prog)
			}
			if !w.Delayed && !bytes.Contains(prog, []byte(` "SSL_ALPN=b"`+"\n")) || w.Delayed && !bytes.Contains(prog, []byte(`control "SSL_ALPN=b\x00\x00"`)) {
				t.Errorf("%s: no information\n%s", w.Table.Program, prog)
			}
		}
	}
}
