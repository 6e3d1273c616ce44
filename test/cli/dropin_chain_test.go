//go:build linux

package cli

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/entry/entrytest"
	"ucspitls/test/need"
)

// Mail run scripts as they are, with our programs in them.

// surroundings is what a program finds out about itself: limits, ignored and
// blocked signals. It is a shell's script, so that nothing of ours is between.
const surroundings = `ulimit -Sv; ulimit -Sd; ulimit -Ss; ulimit -Sn; ulimit -Sp; ulimit -Sl; ulimit -Sc; grep -E '^Sig(Ign|Blk)' /proc/self/status`

// A super is a super-server on a port of the loopback.
type super struct {
	*process
	address string
}

// tcpserver starts chain (programs before it, such as setlock) with ucspi-tcp's
// tcpserver in the place of TCPSERVER, on a free port.
func underTCPServer(t *testing.T, chain []string, env []string, files map[int]*os.File) *super {
	t.Helper()
	path := need.Program(t, "tcpserver", "ucspi-tcp")
	if files == nil {
		files = map[int]*os.File{}
	}
	if files[0] == nil {
		files[0] = devNull(t)
	}
	var argv []string
	for _, word := range chain {
		if word == "TCPSERVER" {
			argv = append(argv, path, "-1", "-H", "-R", "-l0", "-c", "200", "-b", "100", "127.0.0.1", "0")
			continue
		}
		argv = append(argv, word)
	}
	s := &super{process: start(t, spec{program: argv[0], args: argv[1:], env: env, files: files, stdout: true})}
	port, whole := s.Line()
	if !whole {
		t.Fatalf("tcpserver said %q", port)
	}
	s.address = net.JoinHostPort("127.0.0.1", port)
	t.Cleanup(func() { syscall.Kill(-s.pid, syscall.SIGTERM) })
	return s
}

// script writes a shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prog")
	if err := entrytest.WriteProgram(path, []byte("#!/bin/sh\n"+text+"\n")); err != nil {
		t.Fatal(err)
	}
	return path
}

func dialTap(t *testing.T, address string) *tap {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * patience))
	return &tap{TCPConn: conn.(*net.TCPConn)}
}

// The classic line. prog finds the same limits, ignored signals and mask as a
// prog without TLS in the same chain, and the lock is held.
func TestClassicRunLine(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	setlock, softlimit := need.Program(t, "setlock", "daemontools"), need.Program(t, "softlimit", "daemontools")
	env, dir := material(t)
	lock := filepath.Join(dir, "lock")
	prog := script(t, surroundings+"\ncat")
	chain := func(tool ...string) []string {
		// Outside, a shell that ignores SIGPIPE and others, and lowers more limits.
		line := `trap '' PIPE TERM QUIT CHLD USR2; ulimit -Sc 0; ulimit -Sn 300; exec "$@"`
		return append(append([]string{"/bin/sh", "-c", line, "sh", setlock, "-n", lock, softlimit, "-m", "20000000", "TCPSERVER"}, tool...), prog)
	}
	// What prog finds without TLS.
	plain := underTCPServer(t, chain(), env, nil)
	c := dialTap(t, plain.address)
	c.CloseWrite()
	want, end := drain(c)
	if end != "FIN" || !strings.Contains(string(want), "SigIgn") {
		t.Fatalf("%q, %s", want, end)
	}
	if !strings.HasPrefix(string(want), "19531\n") { // 20000000 bytes
		t.Fatalf("the limits do not hold without TLS: %q", want)
	}
	kill(plain)
	for _, tool := range []string{"s6-tlsd", "s6-ucspitlsd"} {
		s := underTCPServer(t, chain(filepath.Join(bin, tool)), env, nil)
		c := dialTap(t, s.address)
		got := ""
		if tool == "s6-tlsd" {
			conn := handshake(t, c)
			conn.Write([]byte("over TLS"))
			conn.CloseWrite()
			data, err := io.ReadAll(conn)
			if err != nil {
				t.Error(err)
			}
			got = string(data)
		} else {
			c.Write([]byte("in the clear"))
			c.CloseWrite()
			data, _ := drain(c)
			got = string(data)
		}
		got = strings.TrimSuffix(strings.TrimSuffix(got, "over TLS"), "in the clear")
		if got != string(want) {
			t.Errorf("under %s prog has\n%s\nwant\n%s", tool, got, want)
		}
		// The lock is held as long as the chain runs, and no longer.
		if out, err := exec.Command(setlock, "-n", lock, "true").CombinedOutput(); err == nil {
			t.Errorf("the lock was free: %s", out)
		}
		kill(s)
		if out, err := exec.Command(setlock, "-n", lock, "true").CombinedOutput(); err != nil {
			t.Errorf("the lock is still held: %s", out)
		}
	}
}

// kill ends a super-server that ignores SIGTERM.
func kill(s *super) {
	syscall.Kill(-s.pid, syscall.SIGKILL)
	<-s.ended
	<-s.silent
}

// A parent that resets nothing: every signal that it ignores and blocks, prog
// finds ignored and blocked, and its limits are the parent's, to the byte.
func TestPlainParent(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	python := need.Program(t, "python3", "python3")
	// Python ignores SIGPIPE itself, blocks and ignores what it is told, and execs.
	const parent = `
import os, signal, sys
for n in [1, 2, 3, 13, 14, 15, 10, 12, 17, 18, 20, 21, 22, 40]:
    signal.signal(n, signal.SIG_IGN)
for n in [4, 6, 7, 8, 11]:
    signal.signal(n, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD, 42])
import resource
for name, soft in [("AS", 20000000), ("DATA", 20000000), ("NPROC", 200), ("NOFILE", 100), ("STACK", 2000000), ("FSIZE", 1 << 30), ("CORE", 0)]:
    r = getattr(resource, "RLIMIT_" + name)
    resource.setrlimit(r, (soft, resource.getrlimit(r)[1]))
os.execv(sys.argv[1], sys.argv[1:])
`
	// No shell looks: it would clear its mask.
	look := []string{need.Program(t, "grep", "grep"), "-hE", "^Sig(Ign|Blk)|^Max", "/proc/self/status", "/proc/self/limits"}
	want, err := exec.Command(python, append([]string{"-c", parent}, look...)...).Output()
	if err != nil || !strings.Contains(string(want), "SigBlk:\t0000020000012201\n") {
		t.Fatalf("%q, %v", want, err)
	}
	for _, tool := range []string{"s6-tlsd", "s6-ucspitlsd", "s6-tlsc", "s6-ucspitlsc"} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			peer, sock := network(t)
			s := spec{program: python, args: []string{"-c", parent, filepath.Join(bin, tool)}}
			if isServerTool(tool) {
				s.env, _ = material(t)
				s.files = map[int]*os.File{0: sock, 1: dup(t, sock)}
				s.args = append(append(s.args, "--"), look...)
				p := start(t, s)
				var got []byte
				if delayed(tool) {
					got, _ = drain(peer)
				} else {
					got, _ = io.ReadAll(handshake(t, peer))
					peer.Close()
				}
				p.expect(0, "")
				if string(got) != string(want) {
					t.Errorf("prog has\n%s\nwant\n%s", got, want)
				}
				return
			}
			s.env, _ = trusting(t)
			r, w := osPipe(t)
			s.files = map[int]*os.File{0: devNull(t), 1: w, 6: sock, 7: dup(t, sock)}
			s.args = append(append(s.args, "-k", pki.Host, "--"), look...)
			p := start(t, s)
			if !delayed(tool) {
				c := answering(t, peer)
				if err := c.Handshake(); err != nil {
					t.Fatal(err)
				}
				defer c.Close()
			}
			got, _ := io.ReadAll(fdFile(r.Fd()))
			peer.Close()
			p.expect(0, "")
			if string(got) != string(want) {
				t.Errorf("prog has\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A whole delayed session in a run script's limits.
func TestDelayedTLSUnderLimits(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	softlimit := need.Program(t, "softlimit", "daemontools")
	env, _ := material(t)
	stage := newStage(t)
	peer, sock := network(t)
	// prog is this executable, which needs more than the limit allows: it lifts
	// its own soft one first.
	p := start(t, spec{program: "/bin/sh", args: append([]string{"-c", `trap '' PIPE TERM; exec "$@"`, "sh", softlimit, "-m", "20000000", filepath.Join(bin, "s6-ucspitlsd"), "--",
		"/bin/sh", "-c", `ulimit -Sv unlimited; ulimit -Sd unlimited; ulimit -Ss 8192; ulimit -Sl 64; exec "$@"`, "sh"}, self), env: append(env, stage.env()),
		files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
	a := stage.app()
	a.write(a.ctl, "Y")
	c := handshake(t, peer)
	if blob := a.readAll(a.ctl); !strings.HasPrefix(blob, "SSL_PROTOCOL=TLSv1.3\x00") {
		t.Errorf("blob %q", blob)
	}
	go c.Write(patternOf(1 << 20)[:1<<20])
	a.expectRead(a.rd, string(patternOf(1 << 20)[:1<<20]))
	a.write(a.wr, "from prog")
	expectBytes(t, c, "from prog")
	a.exit(0)
	expectPeer(t, c, "", false)
	p.expect(0, "")
}

// 0 or 1 closed: nothing runs, and pipes don't take their place.
func TestClosedStandardDescriptors(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	for _, program := range []string{"s6-tlsd", "s6-ucspitlsd"} {
		for _, closed := range []int{0, 1} {
			for _, prefix := range []string{"", "trap '' PIPE; ulimit -Sv 20000; "} {
				t.Run(fmt.Sprint(program, closed, prefix), func(t *testing.T) {
					t.Parallel()
					env, _ := material(t)
					_, sock := network(t)
					p := start(t, spec{program: "/bin/sh", args: []string{"-c", prefix + `exec "$0" -- true ` + []string{"<&-", ">&-"}[closed], filepath.Join(bin, program)}, env: env,
						files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
					p.expect(111, program+": fatal: unable to check network descriptor "+strconv.Itoa(closed)+": bad file descriptor")
				})
			}
		}
	}
}
