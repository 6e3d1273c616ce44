//go:build linux

package cli

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// The one-line server and client in a run script: limits, ignored signals,
// locks and other descriptors come through to prog, though there are two
// more programs in between.
func TestOneLineServerInARunScript(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	softlimit, setlock := need.Program(t, "softlimit", "daemontools"), need.Program(t, "setlock", "daemontools")
	env, dir := material(t)
	prog := script(t, surroundings+"; readlink /proc/self/fd/9; cat")
	begin := func(chain ...string) (*process, string) {
		held, err := os.Create(filepath.Join(dir, "held"))
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"-c", `trap '' PIPE QUIT USR2; exec "$@"`, "sh", setlock, "-n", filepath.Join(dir, "lock"), softlimit, "-m", "20000000", "-o", "64"}
		p := start(t, spec{program: "/bin/sh", args: append(args, chain...), env: env, files: map[int]*os.File{0: devNull(t), 9: held}, stdout: true})
		port, _ := p.Line()
		return p, port
	}
	session := func(c io.ReadWriteCloser, end func() error) string {
		end()
		data, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		c.Close()
		return string(data)
	}
	end := func(p *process) { syscall.Kill(-p.pid, syscall.SIGKILL); <-p.ended; <-p.silent }

	tcpserver := need.Program(t, "tcpserver", "ucspi-tcp")
	p, port := begin(tcpserver, "-1", "-H", "-R", "-l0", "127.0.0.1", "0", prog)
	plain := dialTap(t, net.JoinHostPort("127.0.0.1", port))
	want := session(plain, plain.CloseWrite)
	end(p)
	if !strings.Contains(want, "SigIgn") {
		t.Fatalf("%q", want)
	}
	for _, args := range [][]string{{"-H"}, {"-H", "-r"}} { // with the step that looks up, and without
		p, port = begin(append(append([]string{filepath.Join(bin, "s6-tlsserver"), "-1"}, args...), "127.0.0.1", "0", prog)...)
		c := handshake(t, dialTap(t, net.JoinHostPort("127.0.0.1", port)))
		if got := session(c, c.CloseWrite); withoutIgnored(got) != withoutIgnored(want) {
			t.Errorf("%v: prog has\n%s\nwant\n%s", args, got, want)
		}
		end(p)
		for line := range strings.Lines(p.written()) {
			if !strings.Contains(line, ": info: allow ") {
				t.Errorf("stderr %q", line)
			}
		}
	}
}

// withoutIgnored leaves out the ignored signals that tcpserver resets.
func withoutIgnored(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "SigIgn:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// A parent that resets nothing. SIGCHLD and the signals that s6-tlsserver
// itself acts on are ignored for prog all the same.
func TestOneLineServerKeepsSignals(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	python, grep := need.Program(t, "python3", "python3"), need.Program(t, "grep", "grep")
	const parent = `
import os, signal, sys
for n in [1, 2, 3, 6, 10, 12, 13, 15, 17]:
    signal.signal(n, signal.SIG_IGN)
signal.signal(25, signal.SIG_DFL) # python ignores it
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGUSR1])
os.execv(sys.argv[1], sys.argv[1:])
`
	env, _ := material(t)
	p := start(t, spec{program: python, args: []string{"-c", parent, filepath.Join(bin, "s6-tlsserver"), "-1", "-H", "127.0.0.1", "0", grep, "-E", "Sig(Ign|Blk)", "/proc/self/status"}, env: env,
		files: map[int]*os.File{0: devNull(t)}, stdout: true})
	port, _ := p.Line()
	c := handshake(t, dialTap(t, net.JoinHostPort("127.0.0.1", port)))
	got, err := io.ReadAll(c)
	c.Close()
	if want := "SigBlk:\t0000000000002200\nSigIgn:\t0000000000015a27\n"; string(got) != want || err != nil {
		t.Errorf("prog has %q, want %q, %v", got, want, err)
	}
	syscall.Kill(p.pid, syscall.SIGTERM) // its own signals work whatever was ignored
	p.expect(0, "")
}

// s6-tlsclient from a run script, as a mail queue's remote delivery starts it.
func TestOneLineClientInARunScript(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	softlimit := need.Program(t, "softlimit", "daemontools")
	env, _ := trusting(t)
	address, accepted := listen(t)
	_, port, _ := net.SplitHostPort(address)
	// cat on 6 and 7: what comes over TLS goes to stdout, behind what prog found out.
	prog := script(t, `exec 3>&1; `+surroundings+`; cat <&6; echo goodbye >&7`)
	p := start(t, spec{program: "/bin/sh", args: []string{"-c", `trap '' PIPE; exec "$@"`, "sh", softlimit, "-m", "20000000", filepath.Join(bin, "s6-tlsclient"), "-H", "-k", pki.Host, "127.0.0.1", port, prog},
		env: env, files: map[int]*os.File{0: devNull(t)}, stdout: true})
	sock, ok := <-accepted
	if !ok {
		t.Fatal("nobody connected")
	}
	conn, err := net.FileConn(sock)
	sock.Close()
	if err != nil {
		t.Fatal(err)
	}
	c := answering(t, &tap{TCPConn: conn.(*net.TCPConn)})
	if _, err := c.Write([]byte("hello over TLS\n")); err != nil {
		t.Fatal(err)
	}
	c.CloseWrite()
	expectPeer(t, c, "goodbye\n", false)
	c.Close()
	await(t, p.Closed, "the end of prog's output")
	if out := string(p.Stdout()); !strings.HasPrefix(out, "19531\n") || !strings.HasSuffix(out, "hello over TLS\n") || !strings.Contains(out, "SigIgn:\t0000000000001000\n") {
		t.Errorf("prog has\n%s", out)
	}
	p.expect(0, "")
}
