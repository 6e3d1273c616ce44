//go:build linux && (amd64 || arm64) && !race

package wrap_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/internal/option"
	"ucspitls/internal/wrap"
	"ucspitls/test/need"
)

var update = flag.Bool("update", false, "write what the wrappers do now into testdata/starts")

var wrappers = []*wrap.Program{
	{Table: &option.UCSPITLSD, Side: &wrap.Server, Delayed: true},
	{Table: &option.TLSD, Side: &wrap.Server},
	{Table: &option.UCSPITLSC, Side: &wrap.Client, Delayed: true},
	{Table: &option.TLSC, Side: &wrap.Client},
}

// A scene is one start, of each of the wrappers that it is for.
type scene struct {
	name  string
	who   string // server, client, delayed, immediate, two: one of each, or all of them
	words []string
	env   []string
	state []string // of the process, as launch makes it
	// needsEntry: only a program that begins in front of the runtime can do it.
	needsEntry bool
	noIO       bool   // there is no -io program
	network    string // file: the network is a file; half: in one direction
	user, root bool   // as another user than root, or only as root
	fault      string // an error of a system call, as strace makes it
	daemon     string // the script of a shared tunnel process on DIR/s
}

func (s *scene) isFor(w *wrap.Program) bool {
	switch s.who {
	case "server":
		return w.Side.Server
	case "client":
		return !w.Side.Server
	case "delayed":
		return w.Delayed
	case "immediate":
		return !w.Delayed
	case "two":
		return w.Delayed == w.Side.Server
	}
	return s.who == ""
}

// The builds of the wrappers, in directories with the same made-up -io programs.
var builds = []struct {
	name  string
	flags []string
}{
	{"fast", []string{"-tags", "fastentry", "-ldflags", "-E ucspitls_fast"}},
	{"off", nil},
}

var programs = []string{"ucspitls/cmd/s6-ucspitlsd", "ucspitls/cmd/s6-ucspitlsc", "ucspitls/cmd/s6-tlsd", "ucspitls/cmd/s6-tlsc"}

var bin string // the directories are in it

func TestMain(m *testing.M) {
	flag.Parse()
	entrytest.ResetSignals()
	for n := 3; n < 1024; n++ {
		syscall.CloseOnExec(n) // what this test was started with would come and go among what is compared
	}
	var err error
	if bin, err = os.MkdirTemp("", "wrap"); err != nil {
		panic(err)
	}
	os.Chmod(bin, 0o755) // for a run as another user
	code := 1
	if makePrograms() {
		code = m.Run()
	}
	os.RemoveAll(bin)
	os.Exit(code)
}

func makePrograms() bool {
	for _, b := range builds {
		dir := filepath.Join(bin, b.name)
		os.Mkdir(dir, 0o755)
		if !build(dir+"/", append(b.flags, programs...)...) ||
			!build(dir+"/show", "-ldflags", "-E ucspitls_entry", "./testdata/show") || !build(dir+"/launch", "../entry/testdata/launch") ||
			os.Symlink("show", dir+"/s6-tlsd-io") != nil || os.Symlink("show", dir+"/s6-tlsc-io") != nil {
			return false
		}
		alone := filepath.Join(bin, b.name+"-alone")
		os.Mkdir(alone, 0o755)
		for _, name := range []string{"s6-ucspitlsd", "s6-ucspitlsc", "s6-tlsd", "s6-tlsc", "show", "launch"} {
			if err := os.Link(filepath.Join(dir, name), filepath.Join(alone, name)); err != nil {
				panic(err)
			}
		}
	}
	return true
}

func build(to string, args ...string) bool {
	cmd := exec.Command("go", append([]string{"build", "-o", to}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
	}
	return err == nil
}

func connection(t *testing.T) (a, b *os.File) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(pair[0]), "network"), os.NewFile(uintptr(pair[1]), "peer")
}

// act plays a scene and gives all that can be seen of it, without what differs
// from one run to the next.
func act(t *testing.T, build string, w *wrap.Program, s *scene) string {
	t.Helper()
	dir, bin := t.TempDir(), filepath.Join(bin, build)
	if s.noIO {
		bin += "-alone"
	}
	os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644)
	os.WriteFile(filepath.Join(dir, "empty"), nil, 0o755)
	os.WriteFile(filepath.Join(dir, "first"), nil, 0o644)
	os.Mkdir(filepath.Join(dir, "directory"), 0o755)
	network, peer := connection(t)
	defer peer.Close()
	another, elsewhere := connection(t)
	defer another.Close()
	defer elsewhere.Close()
	null, _ := os.OpenFile("/dev/null", os.O_RDONLY, 0)
	defer null.Close()
	stdout, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()

	clean := strings.NewReplacer("BIN", bin, "DIR", dir)
	var argv []string
	if s.state != nil {
		argv = append([]string{filepath.Join(bin, "launch")}, s.state...)
	}
	if s.fault != "" {
		argv = append(argv, need.Program(t, "strace", "strace"), "-f", "-qq", "-o", "/dev/null", "-e", "trace="+strings.Split(s.fault, ":")[0], "-e", "inject="+s.fault)
	}
	argv = append(argv, filepath.Join(bin, w.Table.Program))
	for _, word := range s.words {
		argv = append(argv, clean.Replace(word))
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
	for _, item := range s.env {
		cmd.Env = append(cmd.Env, clean.Replace(item))
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		os.Chmod(d, 0o777) // for prog as another user
	}
	if s.user && os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
	}
	var d *daemon
	if s.daemon != "" {
		d = startDaemon(t, filepath.Join(dir, "s"), s.daemon)
	}
	in, out := network, network
	switch s.network {
	case "file":
		in = null
	case "half":
		out = another
	}
	cmd.ExtraFiles = []*os.File{null, nil, nil, in, out, null, another} // 3 and 8; 6, 7; 9
	if cmd.Stdout = stdout; w.Side.Server {
		cmd.Stdin, cmd.Stdout = in, out
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	cmd.Wait()
	network.Close()
	// The waiting process may have something to say still: it holds the network.
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	sent, _ := io.ReadAll(peer)

	var all strings.Builder
	fmt.Fprintln(&all, cmd.ProcessState)
	lines(&all, "stderr", stderr.String())
	lines(&all, "network", string(sent))
	for _, name := range []string{"stdout", "io", "prog"} {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		lines(&all, name, string(b))
	}
	lines(&all, "daemon", d.stop())
	return normal(all.String(), pid, bin, dir)
}

// normal puts words in the place of what differs between two runs.
func normal(s string, pid int, bin, dir string) string {
	id := strconv.Itoa(pid)
	pairs := []string{bin, "BIN", dir, "DIR", "pid " + id, "pid PID", "id=" + id, "id=PID"}
	for path, name := range map[string]string{"/": "/", dir: "."} {
		var st syscall.Stat_t
		if syscall.Stat(path, &st) == nil {
			pairs = append(pairs, fmt.Sprintf("%s=%d:%d\\", name, st.Dev, st.Ino), name+"=INODE\\")
		}
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// lines adds text under a name, line by line, so that it can be read: control
// characters escaped, long lines cut.
func lines(all *strings.Builder, name, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 3000 {
			line = fmt.Sprintf("%s ... %d bytes", line[:300], len(line))
		}
		quoted := strconv.QuoteToASCII(line)
		quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
		fmt.Fprintf(all, "%7s: %s\n", name, strings.ReplaceAll(quoted, `\\`, `\`))
	}
}

// TestStarts: whatever they are started with, the wrappers do what
// testdata/starts says, however they are built: exit code, messages, and what
// prog and the -io are started with, to the last byte of the environment and flag
// of a descriptor.
func TestStarts(t *testing.T) {
	for name, scenes := range groups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testGroup(t, filepath.Join("testdata", "starts", name+".txt"), scenes)
		})
	}
}

func testGroup(t *testing.T, file string, scenes []scene) {
	known := readStarts(t, file)
	var mu sync.Mutex
	seen := map[string]string{}
	var order []string
	t.Run("all", func(t *testing.T) {
		for i := range scenes {
			s := &scenes[i]
			for _, w := range wrappers {
				if !s.isFor(w) {
					continue
				}
				title := w.Table.Program + ": " + s.name
				if slices.Contains(order, title) {
					t.Fatalf("%s is there twice", title)
				}
				order = append(order, title)
				t.Run(title, func(t *testing.T) {
					if s.root && os.Geteuid() != 0 {
						need.Root(t)
					}
					t.Parallel()
					for _, b := range builds {
						// The threads of a runtime are not the same each time.
						if (s.needsEntry || s.fault != "") && b.name == "off" {
							continue
						}
						got := act(t, b.name, w, s)
						mu.Lock()
						if *update && seen[title] == "" {
							seen[title], known[title] = got, got
						}
						want := known[title]
						mu.Unlock()
						if got != want {
							t.Errorf("%s:\n%s\nwant:\n%s", b.name, got, want)
						}
					}
				})
			}
		}
	})
	if *update {
		writeStarts(t, file, order, seen, known)
		return
	}
	for title := range known {
		if !slices.Contains(order, title) {
			t.Errorf("%s has %q, which nobody plays", file, title)
		}
	}
}

// A file of starts has a title and then what was seen, for each.
const titleMark = "=== "

func readStarts(t *testing.T, file string) map[string]string {
	known := map[string]string{}
	b, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(b), "\n"+titleMark)[1:] {
		title, body, _ := strings.Cut(part, "\n")
		known[title] = strings.TrimRight(body, "\n") + "\n"
	}
	return known
}

func writeStarts(t *testing.T, file string, order []string, seen, known map[string]string) {
	var b strings.Builder
	for _, title := range order {
		body, ok := seen[title]
		if !ok {
			body = known[title] // not played on this system
		}
		fmt.Fprintf(&b, "%s%s\n%s\n", titleMark, title, body)
	}
	os.MkdirAll(filepath.Dir(file), 0o755)
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
