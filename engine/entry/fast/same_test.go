//go:build linux && (amd64 || arm64) && !race

package fast

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/engine/entry/entrytest"
	"ucspitls/engine/ucspi"
	"ucspitls/engine/wrap"
	"ucspitls/test/need"
)

// Two builds of the wrappers, in folders with the same made-up -io programs.
var fastBin, portableBin string

func TestMain(m *testing.M) {
	entrytest.ResetSignals()
	for n := 3; n < 1024; n++ {
		syscall.CloseOnExec(n) // what this test was started with would come and go among what is compared
	}
	dir, err := os.MkdirTemp("", "fast")
	if err != nil {
		panic(err)
	}
	fastBin, portableBin = filepath.Join(dir, "fast"), filepath.Join(dir, "portable")
	code := 1
	if build(fastBin, "ucspitls_fast") && build(portableBin, "ucspitls_brief") {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir, entry string, env ...string) bool {
	os.Mkdir(dir, 0o755)
	for _, args := range [][]string{
		{"-ldflags", "-E " + entry, "-o", dir + "/", "ucspitls/cmd/s6-ucspitlsd", "ucspitls/cmd/s6-ucspitlsc", "ucspitls/cmd/s6-tlsd", "ucspitls/cmd/s6-tlsc"},
		{"-ldflags", "-E ucspitls_entry", "-o", dir + "/show", "./testdata/show"},
	} {
		cmd := exec.Command("go", append([]string{"build"}, args...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		cmd.Env = append(cmd.Env, env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return false
		}
	}
	return os.Symlink("show", dir+"/s6-tlsd-io") == nil && os.Symlink("show", dir+"/s6-tlsc-io") == nil
}

// A scene is one start of a wrapper.
type scene struct {
	args   string // without the network's descriptors; BIN is the folder of the programs
	env    []string
	closed []int // descriptors that are not there
	shell  string
	noIO   bool
	inject string // a fault for the fast build, as strace makes it
	daemon string // the script of a shared tunnel process on DIR/s
}

func connection(t *testing.T) (a, b *os.File) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(pair[0]), "network"), os.NewFile(uintptr(pair[1]), "peer")
}

// act plays a scene and gives all that can be seen of it.
func act(t *testing.T, bin string, w *wrap.Program, s scene) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(bin, w.Table.Program)
	if s.noIO {
		alone := t.TempDir()
		for _, name := range []string{w.Table.Program, "show"} {
			// A copy would be busy while another scene's fork has it open to write.
			if err := os.Link(filepath.Join(bin, name), filepath.Join(alone, name)); err != nil {
				t.Fatal(err)
			}
		}
		program, bin = filepath.Join(alone, w.Table.Program), alone
	}
	os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644)
	os.Mkdir(filepath.Join(dir, "folder"), 0o755)
	network, peer := connection(t)
	defer network.Close()
	defer peer.Close()
	another, elsewhere := connection(t)
	defer another.Close()
	defer elsewhere.Close()
	spare, _ := os.Open("/dev/null")
	defer spare.Close()
	var stderr bytes.Buffer
	// The shell ends up as the wrapper.
	line := ""
	for _, n := range s.closed {
		line += fmt.Sprintf("exec %d<&-\n", n)
	}
	line += s.shell + "\nexec "
	if s.inject != "" && bin == fastBin {
		line += "strace -qq -o /dev/null -e trace=clone -e inject=" + s.inject + " "
	}
	line = strings.ReplaceAll(line+program+" "+s.args, "BIN", bin)
	line = strings.ReplaceAll(line, "DIR", dir)
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
	for _, item := range s.env {
		cmd.Env = append(cmd.Env, strings.ReplaceAll(item, "DIR", dir))
	}
	var d *daemon
	if s.daemon != "" {
		d = startDaemon(t, filepath.Join(dir, "s"), s.daemon)
	}
	cmd.Stdin, cmd.Stdout = network, network
	if !w.Side.Server {
		cmd.Stdin, cmd.Stdout = nil, nil
	}
	cmd.ExtraFiles = []*os.File{spare, nil, nil, network, network, spare, another} // 3 and 8; 6, 7; 9
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	cmd.Wait()
	network.Close()
	// The waiting process may have something to say still: it holds the network.
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	peer.Read(make([]byte, 1))
	out := fmt.Sprintf("%s\n%s", cmd.ProcessState, stderr.String())
	for _, name := range []string{"io", "prog"} {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		out += name + ":\n" + string(b)
	}
	out += d.stop()
	var here syscall.Stat_t
	if err := syscall.Stat(dir, &here); err != nil {
		t.Fatal(err)
	}
	for old, new := range map[string]string{bin: "BIN", dir: "DIR", "pid " + strconv.Itoa(pid): "pid PID", "id=" + strconv.Itoa(pid): "id=PID",
		fmt.Sprintf(`\x00.=%d:%d\`, here.Dev, here.Ino): `\x00.=HERE\`} {
		out = strings.ReplaceAll(out, old, new)
	}
	return out
}

// TestSame: whatever they are started with, the two builds do the same: exit
// code, messages, and what prog and the -io are started with, to the last byte
// of the environment and flag of a descriptor.
func TestSame(t *testing.T) {
	blob := "BLOB=SSL_PROTOCOL=TLSv1.3|SSL_CIPHER=X|||"
	var scenes []scene
	for _, command := range []string{"", "y", "Y", "Yy", "yy", "n", "nothing of the kind"} {
		scenes = append(scenes, scene{args: "show", env: []string{"COMMAND=" + command, blob[:len(blob)-1]}})
		scenes = append(scenes, scene{args: "-v2 show", env: []string{"COMMAND=" + command, blob[:len(blob)-1], "CODE=98"}})
		scenes = append(scenes, scene{args: "show", env: []string{"COMMAND=" + command}, noIO: true})
	}
	odd := []string{"GODEBUG=x=1", "GOGC=5", "GOMAXPROCS=3", "GOTRACEBACK=all", "CERTFILE=/c", "KEYFILE:a.b=/k", "TLS_UID=7", "SSL_CLIENT_S_DN=forged",
		"HTTPS=on", "SSLREADFD=9", "UCSPITLS=", "E=", "CERTFILE=/second", "PATH=/nonexistent", "SSL_CERT_FILE=/x", blob[:len(blob)-1], "COMMAND=Y"}
	for _, args := range []string{
		"-S show a '' 'b c'", "-JZ -K 5000 -- show", "-v0 -s show", "-v3 show -v9", "--close-notify --keep show", "", "--help", "--version",
		"-! show", "-v x show", "--nope=3 show", "-K", "nosuchprogram", "/nonexistent/x", "./plain", "./folder", "folder", "'' x", "-- -x", "show/x",
		"-Y show", "-y show", "-k 1 show", "-k2 --sni show", "--mandatory-sni show", "-k example.org show", "-k-x show", "--no-verify-cert -y show",
		"--uid=x show", "--envuidgid show", "--gidlist=1,x show", "-6 8 show", "-6 99 show", "-7 7 -6 7 show", "-6 6 -7 8 show",
	} {
		scenes = append(scenes, scene{args: args, env: odd})
	}
	subject := "SSL_PEER_CERT_SUBJECT=/"
	for _, blob := range []string{"", "|", "||", "A", "SSL_ALPN=b", "SSL_ALPN=b|", "=b||", "SSL_ALPN||", "SSL_ALPN=b||x", "PATH=/x|PATH=BIN||", "A=b||",
		"SSL_ALPN=b|SSL_ALPN=b||", "SSL_ALPN=\x1b||", "SSL_CIPHER=a||", subject + strings.Repeat("x", ucspi.MaxItem) + "||",
		subject + strings.Repeat("x", ucspi.MaxItem-len(subject)) + "||", strings.Repeat("A=b|", 3000) + "|"} {
		for i, code := range []string{"98", "0", "-9", "3", "126"} {
			if i == 0 || blob == "" {
				scenes = append(scenes, scene{args: "show", env: []string{"BLOB=" + blob, "CODE=" + code, "COMMAND=Y"}})
			}
		}
	}
	for _, hostile := range []string{"\n", "\r", "\x1b[2J", "\x7f", "\x9b31m", "\u009b", "\u202e", "\xff\xfe", "ü", `\x0A`, "\ns6-tlsserver: info: allow pid 1 ip 1.2.3.4",
		strings.Repeat("x", 299) + "\n", strings.Repeat("y", 60000), strings.Repeat("\n", 60000)} {
		scenes = append(scenes, scene{args: "'/nonexistent/" + hostile + "'", env: []string{blob[:len(blob)-1]}},
			scene{args: "'" + hostile + "'", env: []string{blob[:len(blob)-1]}},
			scene{args: "'-" + hostile + "' show", env: odd}, scene{args: "'--" + hostile + "' show", env: odd}, scene{args: "'--keep=" + hostile + "' show", env: odd})
	}
	for _, closed := range [][]int{{0}, {1}, {2}, {0, 1, 2}, {6}, {7}, {3}, {3, 8}} {
		scenes = append(scenes, scene{args: "show", env: []string{blob[:len(blob)-1], "COMMAND=Y"}, closed: closed})
	}
	big := make([]string, 1500)
	for i := range big {
		big[i] = fmt.Sprintf("BIG%d=%d", i, i)
	}
	scenes = append(scenes,
		scene{args: "show", env: append(big, blob[:len(blob)-1], "COMMAND=Y")},
		scene{args: "show", env: append(big[:900:900], blob[:len(blob)-1], "COMMAND=Y")},
		scene{args: "show " + strings.Repeat("word ", 3000), env: []string{blob[:len(blob)-1]}},
		scene{args: "show", env: []string{"TLS_IOD=/nonexistent/socket", blob[:len(blob)-1]}},
		scene{args: "show", env: []string{blob[:len(blob)-1], "COMMAND=Y"}, shell: "ulimit -Sv 20000; ulimit -Sd 20000; ulimit -Sn 30; trap '' PIPE CHLD TERM"},
		scene{args: "show", env: []string{"CODE=98"}, shell: "trap '' CHLD"},
		scene{args: "show", env: []string{blob[:len(blob)-1], "COMMAND=Y"}, shell: "ulimit -Sn 12"},
		scene{args: "show", env: []string{blob[:len(blob)-1], "COMMAND=Y"}, shell: "unset PATH; true"},
	)
	// Whatever fails before the child is there, main does it all anew.
	for _, fault := range []string{"readlinkat:error=EACCES:when=1", "pipe2:error=EMFILE:when=1", "pipe2:error=EMFILE:when=2", "pipe2,socketpair:error=ENFILE:when=3",
		"fcntl:error=EINVAL:when=6", "fcntl:error=EINVAL:when=7", "clone:error=EAGAIN:when=1"} {
		scenes = append(scenes, scene{args: "-S show", env: []string{blob[:len(blob)-1], "COMMAND=Y"}, inject: fault})
	}
	for _, w := range wrappers {
		mine := scenes
		if w.Side.Server {
			mine = append(mine[:len(mine):len(mine)], sharedScenes()...)
		}
		for i, s := range mine {
			t.Run(fmt.Sprintf("%s/%d", w.Table.Program, i), func(t *testing.T) {
				t.Parallel()
				if s.inject != "" {
					need.Program(t, "strace", "strace")
				}
				got, want := act(t, fastBin, w, s), act(t, portableBin, w, s)
				if got != want {
					t.Errorf("%.300q\n--- fast\n%.3000s\n--- portable\n%.3000s", fmt.Sprint(s), got, want)
				}
			})
		}
	}
}

// TestWaiting: the waiting process is one thread with a few pages of its own,
// and says what it waits for.
func TestWaiting(t *testing.T) {
	for _, w := range wrappers {
		if !w.Delayed {
			continue
		}
		dir := t.TempDir()
		cmd := exec.Command(filepath.Join(fastBin, w.Table.Program), filepath.Join(fastBin, "show"))
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
			cmd := exec.Command(filepath.Join(fastBin, w.Table.Program), "true")
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
	bin := filepath.Join(t.TempDir(), "arm64")
	if !build(bin, "ucspitls_fast", "GOARCH=arm64") {
		t.Fatal("no programs")
	}
	for _, name := range []string{"show", "s6-tlsd-io", "s6-tlsc-io"} {
		os.Remove(filepath.Join(bin, name))
		if err := os.Symlink(filepath.Join(fastBin, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	null, _ := os.Open("/dev/null")
	defer null.Close()
	for _, w := range wrappers {
		for _, args := range []string{"-JS show a", "--help"} {
			dir := t.TempDir()
			log := filepath.Join(dir, "log")
			cmd := exec.Command(qemu, append([]string{"-strace", "-D", log, filepath.Join(bin, w.Table.Program)}, strings.Fields(args)...)...)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + bin, "BLOB=SSL_ALPN=b||", "COMMAND=Y", "HTTPS=forged"}
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
			if !bytes.Contains(io, []byte(`-io\x00-d\x005\x00-S\x00-J\x00--\x003\x004\x00"`)) || !bytes.Contains(prog, []byte(`cmdline "show\x00a\x00"`)) || bytes.Contains(prog, []byte("HTTPS")) {
				t.Errorf("%s:\n%s\n%s", w.Table.Program, io, prog)
			}
			if !w.Delayed && !bytes.Contains(prog, []byte(`\x00SSL_ALPN=b\x00"`)) || w.Delayed && !bytes.Contains(prog, []byte(`control "SSL_ALPN=b\x00\x00"`)) {
				t.Errorf("%s: no information\n%s", w.Table.Program, prog)
			}
		}
	}
}
