//go:build linux

package cli

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// Every -io goes into a sandbox before it reads the first byte of the network,
// with every thread (internal/privilege/sandbox has the tests from inside).

// ioName is the tunnel of a wrapper.
func ioName(program string) string {
	if isServerTool(program) {
		return "s6-tlsd-io"
	}
	return "s6-tlsc-io"
}

// all four wrappers.
var wrappers = append(append([]string{}, servers...), clients...)

// A meeting is a wrapper of either role, with a peer in front of it.
type meeting struct {
	*process
	stage *stage
	peer  *tap
}

// hold starts a wrapper and waits until its -io waits for the network.
func hold(t *testing.T, program string, env ...string) (m meeting, a *app, io int) {
	t.Helper()
	needSight(t)
	if isServerTool(program) {
		x := serve(t, program, nil, env...)
		m = meeting{x.process, x.stage, x.peer}
	} else {
		x := dial(t, program, []string{"-k", pki.Host}, env...)
		m = meeting{x.process, x.stage, x.peer}
	}
	if delayed(program) {
		a = m.stage.app()
		a.write(a.ctl, "y")
	}
	io = child(t, m.pid, ioName(program))
	eventually(t, "the tunnel to wait", func() bool { return waits(io) })
	return m, a, io
}

// waits reports whether the main thread is in poll: where it waits for the network.
func waits(pid int) bool {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/syscall", pid, task.Name()))
		if strings.HasPrefix(string(call), ppoll+" ") {
			return true
		}
	}
	return false
}

// ppoll is the number of the system call that the tunnel waits with.
var ppoll = map[string]string{"amd64": "271", "arm64": "73"}[runtime.GOARCH]

// readable makes the files of a test readable for other users.
func readable(t *testing.T, make func(*testing.T) ([]string, string)) ([]string, string) {
	t.Helper()
	env, dir := make(t)
	open := scratchFolder(t)
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		data, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(open+"/"+e.Name(), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, item := range env {
		env[i] = strings.Replace(item, dir, open, 1)
	}
	return env, open
}

// needSandbox skips, or fails where everything must be there, on a kernel
// without the whole sandbox.
func needSandbox(t *testing.T) {
	t.Helper()
	_, _, e := syscall.RawSyscall(444, 0, 0, 1) // landlock_create_ruleset: its version
	if _, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail"); err != nil || e != 0 || ppoll == "" {
		need.Missing(t, "the sandbox", "a kernel with Landlock and seccomp")
	}
}

func TestEveryThreadIsInTheSandbox(t *testing.T) {
	needSandbox(t)
	need.Root(t)
	t.Parallel()
	for _, program := range wrappers {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			m, a, io := hold(t, program, "TLS_UID=65534", "TLS_GID=65533", "TLS_SANDBOX=require")
			expectConfined(t, io, "in the handshake")
			c := opposite(t, program, m.peer)
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			if a == nil {
				a = m.stage.app()
				if !isServerTool(program) {
					a.rd, a.wr = 6, 7
				}
			}
			echo(t, a, c)
			expectConfined(t, io, "in the tunnel")
			a.exit(0)
			c.Close()
			m.expect(0, "")
		})
	}
}

// expectConfined looks at what /proc shows of an -io that dropped its ids.
func expectConfined(t *testing.T, pid int, when string) {
	t.Helper()
	list := tasks(t, pid)
	if len(list) < 2 {
		t.Errorf("%s: %d threads", when, len(list))
	}
	for _, id := range list {
		status := ids(t, id)
		for name, want := range map[string]string{
			"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "1",
			"Uid": "65534 65534 65534 65534", "Gid": "65533 65533 65533 65533", "Groups": "",
			"CapEff": "0000000000000000", "CapPrm": "0000000000000000", "CapInh": "0000000000000000", "CapAmb": "0000000000000000",
		} {
			if status[name] != want {
				t.Errorf("%s, thread %d: %s %q, want %q", when, id, name, status[name], want)
			}
		}
	}
	if soft, hard := limitOf(t, pid, "Max core file size"); hard != "0" || soft != "0" {
		t.Errorf("%s: core files of %s, %s", when, soft, hard)
	}
}

// limitOf gives a line of /proc/PID/limits.
func limitOf(t *testing.T, pid int, name string) (soft, hard string) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), name)
	f := strings.Fields(rest)
	if len(f) < 2 {
		t.Fatalf("no %s in %q", name, data)
	}
	return f[0], f[1]
}

// No descriptor can be added: the limit stands right above what was open when
// the handshake began.
func TestDescriptorsCannotBeAdded(t *testing.T) {
	needSandbox(t)
	t.Parallel()
	for _, program := range wrappers {
		m, a, io := hold(t, program)
		top := 0
		for n := range descriptors(io) {
			top = max(top, n)
		}
		soft, hard := limitOf(t, io, "Max open files")
		if want := strconv.Itoa(top + 1); soft != want || hard != want {
			t.Errorf("%s: %s and %s descriptors are allowed, %d is the highest", program, soft, hard, top)
		}
		m.peer.Close()
		if a != nil {
			a.exit(0)
		}
		m.code()
	}
}

// The same user can neither trace the tunnel nor read its memory: its files in
// /proc are root's then.
func TestTunnelIsNotDumpable(t *testing.T) {
	needSandbox(t)
	need.Root(t) // to become somebody else
	t.Parallel()
	for mode, want := range map[string]uint32{"on": 0, "off": 65534} {
		for _, c := range []struct {
			program  string
			material func(*testing.T) ([]string, string)
			fds      [4]int // the network, and prog's ends
		}{
			{"s6-tlsd-io", material, [4]int{0, 1, 6, 7}},
			{"s6-tlsc-io", trusting, [4]int{6, 7, 0, 1}},
		} {
			env, _ := readable(t, c.material)
			peer, sock := network(t)
			in, inW := pipe(t)
			outR, out := pipe(t)
			defer inW.Close()
			defer outR.Close()
			p := start(t, spec{program: c.program, args: []string{"6", "7"}, env: append(env, "TLS_SANDBOX="+mode),
				files: map[int]*os.File{c.fds[0]: sock, c.fds[1]: dup(t, sock), c.fds[2]: in, c.fds[3]: out}, user: &syscall.Credential{Uid: 65534, Gid: 65533}})
			eventually(t, "the tunnel to wait", func() bool { return waits(p.pid) })
			var st syscall.Stat_t
			if err := syscall.Stat(fmt.Sprintf("/proc/%d/environ", p.pid), &st); err != nil || st.Uid != want {
				t.Errorf("%s, %s: the tunnel's memory belongs to %d, want %d (%v)", c.program, mode, st.Uid, want, err)
			}
			peer.Close()
			p.code()
		}
	}
}

// A tunnel that was stopped goes on where it was: the kernel restarts its
// system call with one of its own.
func TestStoppedTunnelGoesOn(t *testing.T) {
	t.Parallel()
	for _, program := range wrappers {
		m, a, io := hold(t, program, "TLS_IDLE_TIMEOUT=60000")
		pause := func() {
			syscall.Kill(io, syscall.SIGSTOP)
			time.Sleep(10 * time.Millisecond)
			syscall.Kill(io, syscall.SIGCONT)
		}
		pause()
		c := opposite(t, program, m.peer)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		if a == nil {
			a = m.stage.app()
			if !isServerTool(program) {
				a.rd, a.wr = 6, 7
			}
		}
		pause()
		echo(t, a, c)
		a.exit(0)
		c.Close()
		m.expect(0, "")
	}
}
