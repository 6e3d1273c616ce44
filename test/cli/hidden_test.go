//go:build linux

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/test/need"
)

// What a process with the same ids can see of the processes that have the
// session and the key, when nobody was root. prog is such a one.

// quiet is a prog that holds what it has, after the command if there is one to give.
const quiet = `[ -z "$SSLCTLFD" ] || [ -z "$1" ] || eval "printf y >&$SSLCTLFD"; exec sleep 60`

// A part is a process to be looked into.
type part struct {
	name    string
	program string
	env     []string
	prog    string // an argument of quiet: gives the command
	find    func(t *testing.T, pid int) int
}

func parts() []part {
	io := func(program string) func(*testing.T, int) int {
		return func(t *testing.T, pid int) int {
			n := child(t, pid, ioName(program))
			eventually(t, "the tunnel to be there", func() bool { return running(n) == ioName(program) })
			return n
		}
	}
	guard := func(program string) func(*testing.T, int) int {
		return func(t *testing.T, pid int) int { return guardOf(t, io(program)(t, pid)) }
	}
	var list []part
	for _, program := range wrappers {
		if delayed(program) {
			list = append(list, part{"waiting process of " + program, program, nil, "", func(t *testing.T, pid int) int {
				return child(t, pid, program+": waiting for")
			}})
		}
		list = append(list,
			part{"tunnel of " + program, program, nil, "go", io(program)},
			part{"guard of " + program, program, []string{keyGuard}, "go", guard(program)})
	}
	return list
}

// begin starts a part's tool as somebody who is not root.
func (x part) begin(t *testing.T, setting string) *process {
	t.Helper()
	env, _ := readable(t, material)
	_, sock := network(t)
	files := map[int]*os.File{0: sock, 1: dup(t, sock)}
	if !isServerTool(x.program) {
		files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}
	}
	var args []string
	if !isServerTool(x.program) {
		args = []string{"-y", "-k", "localhost"}
	}
	// As installed: what is not has a moment between its execve and its first
	// instruction, which with a C library is the loader's.
	path := x.program
	if os.Getuid() == 0 && setting != "TLS_SANDBOX=off" {
		path = filepath.Join(installed(t), x.program)
	}
	return start(t, spec{program: path, name: x.program, args: append(args, "--", "sh", "-c", quiet, "sh", x.prog),
		env: append(append(env, x.env...), setting), files: files, user: spyUser()})
}

// expectHidden tries all ways to look into a process.
func expectHidden(t *testing.T, spy string, pid int) {
	t.Helper()
	for way, got := range spyOn(t, spy, pid) {
		if got != "operation not permitted" && got != "permission denied" {
			t.Errorf("%s: %s", way, got)
		}
	}
}

func TestNobodyLooksInside(t *testing.T) {
	chainOnly(t, "the shared process has a test of its own")
	t.Parallel()
	spy := spyProgram(t)
	for _, x := range parts() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			for _, setting := range []string{"TLS_SANDBOX=on", "TLS_SANDBOX=require"} {
				if setting == "TLS_SANDBOX=require" {
					needSandbox(t)
				}
				expectHidden(t, spy, x.find(t, x.begin(t, setting).pid))
			}
		})
	}
}

// With TLS_SANDBOX=off a debugger can: so it is known what a find looks like.
// The guard is for nobody to look into, and of what is installed only root can
// trace a tunnel.
func TestSandboxOffIsForDebuggers(t *testing.T) {
	chainOnly(t, "it is about the processes of a chain")
	t.Parallel()
	spy := spyProgram(t)
	for _, x := range parts() {
		if x.env != nil {
			continue
		}
		for way, got := range spyOn(t, spy, x.find(t, x.begin(t, "TLS_SANDBOX=off").pid)) {
			if got != "<nil>" {
				t.Errorf("%s: %s: %s", x.name, way, got)
			}
		}
	}
}

// prog is none of ours to hide.
func TestProgIsNotHidden(t *testing.T) {
	t.Parallel()
	spy := spyProgram(t)
	for _, program := range servers {
		env, _ := readable(t, material)
		peer, sock := network(t)
		p := start(t, spec{program: program, args: []string{"--", "sleep", "60"}, env: env, files: map[int]*os.File{0: sock, 1: dup(t, sock)}, user: spyUser()})
		if !delayed(program) {
			handshake(t, peer)
		}
		eventually(t, "prog", func() bool { return running(p.pid) == "sleep" })
		for way, got := range spyOn(t, spy, p.pid) {
			if got != "<nil>" {
				t.Errorf("%s: %s: %s", program, way, got)
			}
		}
	}
}

func TestNobodyLooksIntoTheSharedProcess(t *testing.T) {
	t.Parallel()
	spy := spyProgram(t)
	for _, more := range [][]string{nil, {keyGuard}} {
		env, _ := readable(t, material)
		d, ok := startDaemon(t, spec{env: append(env, more...), user: spyUser()})
		if !ok {
			t.Fatal("the daemon did not start: ", d.stderr())
		}
		list := map[string]int{"supervisor": d.pid, "worker": d.worker()}
		if more != nil {
			list["guard"] = child(t, d.worker(), "s6-tlsd-iod: key guard of")
		}
		for name, pid := range list {
			t.Run(fmt.Sprint(name, more), func(t *testing.T) { expectHidden(t, spy, pid) })
		}
		d.stop()
	}
}

// installed gives a directory with the programs as make install leaves them.
func installed(t *testing.T) string {
	t.Helper()
	dir := scratchFolder(t)
	list, err := os.ReadDir(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		if err := entrytest.CopyProgram(path, filepath.Join(bin, e.Name())); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), "-io") || strings.HasSuffix(e.Name(), "-iod") {
			if err := os.Chmod(path, 0o711); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// prog, which is the parent and has the same ids, tries from its first moment to
// the tunnel's: across the fork and across the execve. What is installed can't
// be read, so there is no moment at which it can be traced.
func TestProgCannotTraceItsTunnel(t *testing.T) {
	chainOnly(t, "the tunnel is not its child")
	entryOnly(t) // a waiting process that is a start of the wrapper can be traced until it hides; the tunnel then refuses
	need.Root(t) // to own a file that the user can't read
	t.Parallel()
	spy, dir := spyProgram(t), installed(t)
	for _, program := range []string{"s6-ucspitlsd", "s6-ucspitlsc"} {
		for range 5 {
			env, _ := readable(t, material)
			peer, sock := network(t)
			files := map[int]*os.File{0: sock, 1: dup(t, sock)}
			args := []string{}
			if !isServerTool(program) {
				files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}
				args = []string{"-k", "localhost"}
			}
			p := start(t, spec{program: filepath.Join(dir, program), name: program, args: append(args, "--", spy),
				env: append(env, spyVariable+"=children"), files: files, user: spyUser()})
			if code := p.code(); code != 0 {
				t.Errorf("%s: exit code %d", program, code)
			}
			peer.Close()
			if out := p.stderr(); !strings.Contains(out, "spy: refused\n") || strings.Contains(out, "spy: traced") {
				t.Errorf("%s: stderr %q", program, out)
			}
		}
	}
}

// What is installed starts itself again: as key guard, as worker.
func TestInstalledModes(t *testing.T) {
	need.Root(t) // to own a file that the user can't read
	t.Parallel()
	env, _ := readable(t, material)
	dir := installed(t)
	peer, sock := network(t)
	p := start(t, spec{program: filepath.Join(dir, "s6-tlsd"), name: "s6-tlsd", args: []string{"--", "echo", "hello"}, env: override(env, []string{keyGuard}),
		files: map[int]*os.File{0: sock, 1: dup(t, sock)}, user: spyUser()})
	c := handshake(t, peer)
	expectPeer(t, c, "hello\n", false)
	c.Close()
	p.expect(0, "")
}

// A tracer is refused before a file is read, unless root started the tunnel:
// root's rights are no less. Whoever requires the sandbox has no tracer at all.
func TestTracerIsRefused(t *testing.T) {
	chainOnly(t, "strace is in front of a tunnel")
	t.Parallel()
	const refusal = ": fatal: another process traces this one: it would have the session and the key; TLS_SANDBOX=off allows it"
	for _, c := range []struct {
		setting string
		root    bool
		code    int
	}{
		{"TLS_SANDBOX=on", false, 97}, {"TLS_SANDBOX=require", false, 97}, {"TLS_SANDBOX=off", false, 0},
		{"TLS_SANDBOX=on", true, 0}, {"TLS_SANDBOX=require", true, 97}, {"TLS_SANDBOX=off", true, 0},
	} {
		for _, program := range []string{"s6-tlsd-io", "s6-tlsc-io"} {
			t.Run(fmt.Sprint(program, " ", c.setting, " root ", c.root), func(t *testing.T) {
				t.Parallel()
				words := strace(t)
				user := spyUser()
				if c.root {
					need.Root(t)
					user = nil
				}
				env, _ := readable(t, material)
				if program == "s6-tlsc-io" {
					env, _ = readable(t, trusting)
				}
				peer, sock := network(t)
				in, inW := pipe(t)
				_, out := pipe(t)
				files := map[int]*os.File{0: sock, 1: dup(t, sock), 6: in, 7: out}
				if program == "s6-tlsc-io" {
					files = map[int]*os.File{0: in, 1: out, 6: sock, 7: dup(t, sock)}
				}
				args := append(append([]string{}, words[1:]...), filepath.Join(bin, program), "-k", "localhost", "--", "6", "7")
				if program == "s6-tlsd-io" {
					args = append(append([]string{}, words[1:]...), filepath.Join(bin, program), "--", "6", "7")
				}
				p := start(t, spec{program: words[0], args: args, env: append(env, c.setting), files: files, user: user})
				if c.code != 0 {
					p.expect(c.code, program+refusal)
					return
				}
				conn := opposite(t, strings.TrimSuffix(program, "-io"), peer)
				conn.SetDeadline(time.Now().Add(patience))
				if err := conn.Handshake(); err != nil {
					t.Fatal(err)
				}
				inW.Close()
				conn.Close()
				p.expect(0, "")
			})
		}
	}
}
