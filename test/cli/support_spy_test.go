//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/entry/entrytest"
)

// A spy is this executable in one more mode: a process with the ids of a tunnel
// that wants to see what is in it.

// spyVariable holds whom to spy on: a pid; or "children", which makes it a prog
// that does its worst to the TLS process, its child, as long as that lives.
const spyVariable = "UCSPITLS_TEST_SPY"

func init() {
	who := os.Getenv(spyVariable)
	if who == "" {
		return
	}
	runtime.LockOSThread() // a tracer is a thread
	if who == "children" {
		spyOnChildren()
	}
	pid, err := strconv.Atoi(who)
	check(err)
	for _, w := range spyings {
		fmt.Printf("%s: %v\n", w.name, w.try(pid))
	}
	os.Exit(0)
}

// spyings are the ways to look into a process.
var spyings = []struct {
	name string
	try  func(pid int) error
}{
	{"PTRACE_ATTACH", func(pid int) error { return traceAndLeave(pid, unix.PtraceAttach) }},
	{"PTRACE_SEIZE", func(pid int) error { return traceAndLeave(pid, unix.PtraceSeize) }},
	{"process_vm_readv", func(pid int) error {
		var here [8]byte
		local := []unix.Iovec{{Base: &here[0], Len: 8}}
		_, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: 0x10000, Len: 8}}, 0)
		if err == unix.EFAULT { // it may, there is nothing at that address
			return nil
		}
		return err
	}},
	{"mem", func(pid int) error { return opensFile(pid, "mem") }},
	{"environ", func(pid int) error { return opensFile(pid, "environ") }},
	{"maps", func(pid int) error { return opensFile(pid, "maps") }},
	{"fd", func(pid int) error { return opensFile(pid, "fd") }},
	{"pidfd_getfd", func(pid int) error {
		n, err := unix.PidfdOpen(pid, 0)
		if err == nil {
			defer unix.Close(n)
			_, err = unix.PidfdGetfd(n, 0, 0)
		}
		return err
	}},
}

func traceAndLeave(pid int, trace func(int) error) error {
	err := trace(pid)
	if err == nil {
		unix.PtraceInterrupt(pid)
		unix.Wait4(pid, nil, unix.WALL, nil)
		unix.PtraceDetach(pid)
	}
	return err
}

func opensFile(pid int, name string) error {
	n, err := unix.Open(fmt.Sprintf("/proc/%d/%s", pid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(n)
	}
	return err
}

// spyOnChildren gives the command, if there is a control socket, and says what
// it could do and when the -io was there.
func spyOnChildren() {
	var child int
	for child == 0 {
		for _, n := range children(os.Getpid()) {
			child = n
		}
	}
	try := func() {
		if err := unix.PtraceSeize(child); err == nil {
			fmt.Fprintln(os.Stderr, "spy: traced")
			os.Exit(0)
		}
	}
	for range 1000 {
		try()
	}
	n, _ := strconv.Atoi(os.Getenv("SSLCTLFD"))
	unix.Write(n, []byte("y"))
	for end := time.Now().Add(patience); !waits(child) && time.Now().Before(end); {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
		for range 200 {
			try()
		}
		if strings.HasSuffix(strings.TrimSpace(string(name)), "-io") {
			for range 20000 {
				try()
			}
			break
		}
	}
	fmt.Fprintln(os.Stderr, "spy: refused")
	os.Exit(0)
}

// spyUser is who runs the tools and the spies: not root.
func spyUser() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: 65534, Gid: 65533}
}

// spyProgram is a copy of this executable that everybody can run.
func spyProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(scratchFolder(t), "spy")
	if err := entrytest.CopyProgram(path, self); err != nil {
		t.Fatal(err)
	}
	return path
}

// spyOn gives how each way to look into pid ended, in the system's words.
func spyOn(t *testing.T, spy string, pid int) map[string]string {
	t.Helper()
	cmd := exec.Command(spy)
	cmd.Dir = "/"
	cmd.Env = []string{spyVariable + "=" + strconv.Itoa(pid)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: spyUser()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the spy: %v: %s", err, out)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		way, result, _ := strings.Cut(strings.TrimSpace(line), ": ")
		found[way] = result
	}
	if len(found) != len(spyings) {
		t.Fatalf("the spy said %q", out)
	}
	return found
}
