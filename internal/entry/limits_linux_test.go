package entry

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// Pieces that the runtime would write, for a run of this program that does so.
const pieces = "UCSPITLS_TEST_PIECES"

func init() {
	list, ok := os.LookupEnv(pieces)
	if !ok {
		return
	}
	for piece := range strings.SplitSeq(list, "|") {
		if n := runtimeWrite(2, unsafe.Pointer(unsafe.StringData(piece)), int32(len(piece))); n != int32(len(piece)) {
			os.Exit(3)
		}
	}
	os.Exit(2)
}

// What the runtime says piece by piece, and what comes out.
func TestShortages(t *testing.T) {
	type row struct {
		name, pieces, want string
		code               int
	}
	rows := []row{
		{"a thread", "runtime: failed to create new OS thread (have |5| already; errno=|11|)\n", "entry" + noThread, 111},
		{"an arena", "fatal error: |out of memory allocating heap arena map|\n", "entry" + noMemory, 111},
		{"an epoll", "runtime: epollcreate failed with| |24|\n", "entry" + noDescriptor, 111},
		{"a bug", "fatal error: |all goroutines are asleep - deadlock!|\n", "fatal error: all goroutines are asleep - deadlock!\n", 2},
		{"a panic", "panic: |out of order|\n", "panic: out of order\n", 2},
		{"the same twice", "fatal error: |fatal error: |x|\n", "fatal error: fatal error: x\n", 2},
		{"a stack of a usual size", onTheStack + "|0x1|", onTheStack + "0x1", 2},
		{"half a word", "runtime: failed to create|\n", "runtime: failed to create\n", 2},
	}
	for _, s := range shortages {
		rows = append(rows, row{s.says, s.says, "entry" + s.line, 111}, row{s.says + ", thrown", thrown + "|" + s.says, "entry" + s.line, 111})
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			link := filepath.Join(t.TempDir(), "entry") // its name for the kernel
			if err := os.Symlink(self, link); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(link)
			cmd.Env = append(os.Environ(), pieces+"="+r.pieces)
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); string(out) != r.want || code != r.code {
				t.Errorf("exit code %d, %q, want %d, %q", code, out, r.code, r.want)
			}
		})
	}
}

// A program that overflows a stack that somebody has made small is not at fault.
func TestSmallStack(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -s 1000; exec "$0"`, self)
	cmd.Env = append(os.Environ(), pieces+"="+onTheStack+"|0x1|")
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); !strings.HasSuffix(string(out), noStack) || code != 111 {
		t.Errorf("exit code %d, %q", code, out)
	}
}

// The words are those of the Go that builds the programs.
func TestShortagesAreTheRuntimes(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/runtime/*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources of the runtime: %v", err)
	}
	var all strings.Builder
	for _, path := range sources {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, s := range shortages {
		if !strings.Contains(all.String(), `"`+s.says) {
			t.Errorf("%s never says %q", runtime.Version(), s.says)
		}
	}
	if !strings.Contains(all.String(), `"`+onTheStack+`"`) {
		t.Errorf("%s never says %q", runtime.Version(), onTheStack)
	}
	if !strings.Contains(all.String(), `"`+thrown+`"`) {
		t.Errorf("%s never says %q", runtime.Version(), thrown)
	}
}
