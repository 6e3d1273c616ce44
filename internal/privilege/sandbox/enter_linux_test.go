//go:build amd64 || arm64

package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"ucspitls/test/need"
)

// TestMain: the test binary plays the process that goes into the sandbox.
func TestMain(m *testing.M) {
	if role := os.Getenv("SANDBOX_TEST"); role != "" {
		roles[role]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var roles = map[string]func(){
	"tunnel":   func() { inside(Tunnel, Check{Untraced: true}) },
	"guard":    func() { inside(Guard, Check{}) },
	"worker":   func() { inside(Worker, Check{}) },
	"proven":   func() { inside(Tunnel, proven) },
	"other id": func() { enterAs(Tunnel, Check{Proof: true, IDs: IDs{4711, -1}}) },
	"landlock": onlyLandlock,
	"runtime":  runtimeWorks,
	"x32":      func() { enter(Tunnel); syscall.RawSyscall(x32Bit|unix.SYS_GETPID, 0, 0, 0); fmt.Println("lives") },
	"panic":    func() { enter(Tunnel); var p *int; *p = 1 },
}

func enter(p Profile) { enterAs(p, Check{}) }

// proven has the kernel asked again. Whoever runs a test under a debugger is no fault.
var proven = Check{Proof: true, IDs: IDs{os.Getuid(), os.Getgid()}}

func enterAs(p Profile, c Check) {
	if err := Enter(p, c); err != nil {
		fmt.Println("missing:", err)
	}
}

// play runs a role and gives what it printed.
func play(t *testing.T, role string) (string, error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SANDBOX_TEST="+role)
	out, err := cmd.CombinedOutput()
	if missing, ok := strings.CutPrefix(string(out), "missing: "); ok {
		lacking(t, missing)
	}
	return string(out), err
}

// lacking ends a test on a kernel that lacks something.
func lacking(t *testing.T, missing string) {
	t.Helper()
	need.Missing(t, "the whole sandbox ("+missing+")", "a kernel with Landlock and seccomp")
}

// attempts are what none of the processes needs and an attacker would like.
var attempts = []struct {
	name string
	try  func() error
}{
	{"open to read", func() error { return opened(unix.O_RDONLY, "/etc/passwd") }},
	{"open to write", func() error { return opened(unix.O_WRONLY|unix.O_CREAT, "/tmp/sandbox-test") }},
	{"open a directory", func() error { return opened(unix.O_PATH|unix.O_DIRECTORY, "/") }},
	{"stat", func() error { return unix.Stat("/", &unix.Stat_t{}) }},
	{"unlink", func() error { return unix.Unlink("/nonexistent") }},
	{"chroot", func() error { return unix.Chroot("/") }},
	{"socket, TCP", func() error { return made(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)) }},
	{"socket, Unix", func() error { return made(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }},
	{"socketpair", func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err }},
	{"connect", func() error { return unix.Connect(0, &unix.SockaddrInet4{Port: 1}) }},
	{"bind", func() error { return unix.Bind(0, &unix.SockaddrInet4{Port: 1}) }},
	{"listen", func() error { return unix.Listen(0, 1) }},
	{"pipe", func() error { return unix.Pipe2(make([]int, 2), 0) }},
	{"dup", func() error { return made(unix.Dup(0)) }},
	{"dup3", func() error { return unix.Dup3(0, 1, unix.O_CLOEXEC) }},
	{"fcntl F_DUPFD", func() error { return made(unix.FcntlInt(0, unix.F_DUPFD, 0)) }},
	{"fcntl F_SETFL", func() error { return made(unix.FcntlInt(0, unix.F_SETFL, unix.O_APPEND)) }},
	{"memfd", func() error { return made(unix.MemfdCreate("x", 0)) }},
	{"fork", func() error { return raw(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0) }},
	{"vfork", func() error { return raw(unix.SYS_CLONE, unix.CLONE_VM|unix.CLONE_VFORK|uintptr(unix.SIGCHLD), 0, 0) }},
	{"exec", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }},
	{"execveat", func() error { return raw(unix.SYS_EXECVEAT, 0, 0, 0) }},
	{"ptrace", func() error { return raw(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0) }},
	{"read another's memory", func() error {
		_, err := unix.ProcessVMReadv(os.Getppid(), nil, nil, 0)
		return err
	}},
	{"kill the parent", func() error { return unix.Kill(os.Getppid(), 0) }},
	{"kill all", func() error { return unix.Kill(-1, 0) }},
	{"executable memory", func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
		return err
	}},
	{"setuid", func() error { return raw(unix.SYS_SETUID, 0, 0, 0) }},
	{"raise a limit", func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}) }},
	{"prctl, dumpable again", func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }},
	{"another filter's weakness: seccomp", func() error { return raw(unix.SYS_SECCOMP, 0, 0, 0) }},
	{"io_uring", func() error { return raw(unix.SYS_IO_URING_SETUP, 1, 0, 0) }},
	{"bpf", func() error { return raw(unix.SYS_BPF, 0, 0, 0) }},
	{"keyctl", func() error { return raw(unix.SYS_KEYCTL, 0, 0, 0) }},
	{"unshare", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
	{"mount", func() error { return unix.Mount("", "/", "", 0, "") }},
	{"TIOCSTI", func() error { return raw(unix.SYS_IOCTL, 0, unix.TIOCSTI, 0) }},
}

func opened(flags int, path string) error {
	return made(unix.Open(path, flags|unix.O_CLOEXEC, 0o600))
}

func made(_ int, err error) error { return err }

func raw(number, a, b, c uintptr) error {
	n, _, e := unix.RawSyscall6(number, a, b, c, 0, 0, 0)
	if n == 0 && e == 0 && number == unix.SYS_CLONE {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0) // the child
	}
	if e != 0 {
		return e
	}
	return nil
}

// onThreads runs f on n threads that are there already when set is called,
// and on as many that are not, and gives the names of those for which it is
// true.
func onThreads(n int, set func(), f func() string) (found []string) {
	results := make(chan string)
	ready, begin := make(chan bool), make(chan bool)
	work := func(kind string) {
		runtime.LockOSThread() // and never unlocked: no other goroutine runs on it
		ready <- true
		<-begin
		results <- kind + ": " + f()
		select {} // the thread stays, to be looked at
	}
	for range n {
		go work("an old thread")
		<-ready
	}
	set()
	for range n {
		go work("a new thread")
		<-ready
	}
	for range 2 * n {
		begin <- true
		found = append(found, <-results)
	}
	return append(found, "the calling thread: "+f())
}

func inside(p Profile, c Check) {
	for _, s := range onThreads(5, func() { enterAs(p, c) }, func() string {
		var odd []string
		for _, a := range attempts {
			if err := a.try(); err != unix.EPERM && !(a.name == "prctl, dumpable again" && err == unix.EINVAL) {
				odd = append(odd, fmt.Sprintf("%s: %v", a.name, err))
			}
		}
		return strings.Join(odd, ", ")
	}) {
		fmt.Println(s)
	}
	fmt.Println("over")
	var b [1]byte
	unix.Read(0, b[:]) // the parent looks at us
}

func TestNothingIsLeft(t *testing.T) {
	if refused == kill {
		t.Skip("with strictsandbox the first attempt is the last")
	}
	for _, role := range []string{"tunnel", "guard", "worker", "proven"} {
		t.Run(role, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "SANDBOX_TEST="+role)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines, clean := 0, 0
			for in := bufio.NewScanner(stdout); in.Scan() && in.Text() != "over"; lines++ {
				if missing, ok := strings.CutPrefix(in.Text(), "missing: "); ok {
					lacking(t, missing)
				}
				if strings.HasSuffix(in.Text(), "thread: ") {
					clean++
				} else {
					t.Error(in.Text())
				}
			}
			if lines != 11 || clean != 11 {
				t.Errorf("%d lines, %d of them clean", lines, clean)
			}
			looksConfined(t, cmd.Process.Pid, role != "worker")
			stdin.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// looksConfined checks what /proc shows of a process and each of its threads.
func looksConfined(t *testing.T, pid int, closed bool) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(pid)
	tasks, err := os.ReadDir(dir + "/task")
	if err != nil || len(tasks) < 10 {
		t.Errorf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(dir + "/task/" + task.Name() + "/status")
		if err != nil {
			t.Error(err)
		}
		for _, line := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t1"} {
			if !strings.Contains(string(status), "\n"+line+"\n") {
				t.Errorf("thread %s: no line %q", task.Name(), line)
			}
		}
	}
	limits, err := os.ReadFile(dir + "/limits")
	if err != nil {
		t.Error(err)
	}
	top := 0
	open, err := os.ReadDir(dir + "/fd")
	if os.IsPermission(err) {
		return // it is root's: not dumpable
	}
	for _, e := range open {
		n, _ := strconv.Atoi(e.Name())
		top = max(top, n)
	}
	for _, l := range strings.Split(string(limits), "\n") {
		f := strings.Fields(l)
		if strings.HasPrefix(l, "Max core file size") && (f[4] != "0" || f[5] != "0") {
			t.Error(l)
		}
		if want := strconv.Itoa(top + 1); closed && strings.HasPrefix(l, "Max open files") && (f[3] != want || f[4] != want) {
			t.Errorf("%s; want %s", l, want)
		}
	}
}

// onlyLandlock shows that it stands on its own, on every thread: it says
// EACCES where the filter would say EPERM.
func onlyLandlock() {
	set := func() {
		fd, err := newRuleset()
		if err == nil && bySignal {
			err = signalThreads(fd)
		} else if err == nil {
			err = allThreads(fd, false)
		}
		if err != nil {
			fmt.Println("missing:", err)
		}
	}
	for _, s := range onThreads(5, set, func() string {
		err := opened(unix.O_RDONLY, "/etc/passwd")
		port := listens()
		return fmt.Sprint(err == unix.EACCES, " ", port == unix.EACCES)
	}) {
		fmt.Println(s)
	}
}

// listens gives the error of a listening TCP socket, EACCES also where the
// kernel's Landlock knows nothing of ports.
func listens() error {
	if abi, _ := createRuleset(nil, 0, createVersion); abi < 4 {
		return unix.EACCES
	}
	n, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(n)
	return unix.Bind(n, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 1})
}

func TestLandlockIsOnEveryThread(t *testing.T) {
	out, err := play(t, "landlock")
	if err != nil {
		t.Fatal(err, out)
	}
	if n := strings.Count(out, ": true true\n"); n != 11 || strings.Count(out, "\n") != 11 {
		t.Error(out)
	}
}

// The signal's handler answers for every thread, with what the kernel said.
func TestSignalThreads(t *testing.T) {
	before := answers
	err := signalThreads(-1)
	if err != unix.EBADF && err != unix.ENOSYS && err != unix.EOPNOTSUPP {
		t.Errorf("no set of rules: %v", err)
	}
	if answers != before+1 {
		t.Errorf("%d answers", answers-before)
	}
}

func TestOtherABI(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("x32 is an ABI of amd64")
	}
	out, err := play(t, "x32")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
		t.Errorf("%v, %q", err, out)
	}
}
