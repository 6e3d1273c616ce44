//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/entry/entrytest"
)

// running is the executable of a process.
func running(pid int) string {
	name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm") // a wrapper that has a tunnel lets nobody see more
	return strings.TrimSuffix(string(name), "\n")
}

// prog takes the place of an immediate tool when the handshake is over, and
// not before: here the peer stops in the middle of it.
func TestProgWaitsForTheHandshake(t *testing.T) {
	t.Parallel()
	t.Run("s6-tlsd", func(t *testing.T) {
		t.Parallel()
		for _, v := range versions {
			x := serve(t, "s6-tlsd", nil)
			hold := make(chan struct{})
			held := make(chan struct{})
			x.peer.tamper(func(n int, record []byte) ([]byte, bool) {
				if n == 1 { // behind the hello: the server has said all it can
					close(held)
					<-hold
				}
				return record, false
			})
			c := client(t, x.peer, v.tweak)
			done := make(chan error, 1)
			go func() { done <- c.Handshake() }()
			await(t, held, "the server's first flight")
			if x.stage.started() || running(x.pid) != "s6-tlsd" {
				t.Errorf("%s: prog runs before the handshake is over", v.name)
			}
			close(hold)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			a := x.stage.app()
			if a.PID != x.pid {
				t.Errorf("prog has pid %d, the tool had %d", a.PID, x.pid)
			}
			x.finish(a, c)
		}
	})
	t.Run("s6-tlsc", func(t *testing.T) {
		t.Parallel()
		for _, v := range versions {
			x := dial(t, "s6-tlsc", []string{"-k", pki.Host})
			asked := make(chan struct{})
			hold := make(chan struct{})
			c := answering(t, x.peer, v.tweak, func(c *tls.Config) {
				c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
					close(asked)
					<-hold
					return nil, nil
				}
			})
			done := make(chan error, 1)
			go func() { done <- c.Handshake() }()
			await(t, asked, "the client's hello")
			if x.stage.started() || running(x.pid) != "s6-tlsc" {
				t.Errorf("%s: prog runs before the handshake is over", v.name)
			}
			close(hold)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			a := x.app()
			if a.PID != x.pid {
				t.Errorf("prog has pid %d, the tool had %d", a.PID, x.pid)
			}
			a.exit(0)
			c.Close()
			x.expect(0, "")
		}
	})
}

// The code of a failed handshake is the -io's, whatever it is.
func TestFailedHandshakeGivesTheCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		env  string
		peer scene
		code int
		line string
	}{
		{"a file", []string{"-k", pki.Host}, "CAFILE=/none", silence, 96, "CAFILE: open /none: no such file or directory"},
		{"a setting", nil, "TLS_SANDBOX=yes", silence, 100, "TLS_SANDBOX: unknown value yes (must be on, require or off)"},
		{"plaintext", []string{"-k", pki.Host}, "X=", raw("220 here\r\n"), 98, "handshake failed: the peer does not speak TLS"},
		{"FIN", []string{"-k", pki.Host}, "X=", rawEnd(""), 98, "handshake failed: the peer closed the connection during the handshake"},
		{"RST", []string{"-k", pki.Host, "-K10000"}, "X=", rawReset("\x16\x03\x03"), 98, "handshake failed: connection reset by peer"},
		{"time", []string{"-k", pki.Host, "-K300"}, "X=", silence, 98, "handshake timed out"},
		{"the peer's address", []string{"-k", pki.Host, "-K300"}, "TCPREMOTEIP=192.0.2.9", silence, 98, "handshake timed out, peer 192.0.2.9"},
		{"a variable", []string{"-k", pki.Host}, "CAFILE", silence, 100, "CADIR or CAFILE not set"},
		{"a name", []string{"-k", "no name"}, "X=", silence, 100, "servername: no name is neither a host name nor an IP address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.args == nil {
				c.args = []string{"-k", pki.Host}
			}
			x := dial(t, "s6-tlsc", c.args, c.env)
			c.peer(t, x.peer)
			x.peer.Close()
			x.expect(c.code, "s6-tlsc-io: fatal: "+c.line)
			if x.stage.started() {
				t.Error("prog was started")
			}
		})
	}
}

// The signal that ends an -io before the handshake is over is its wrapper's
// code; a delayed tool's prog finds it in the status of its child. No signal
// makes a trace. Of the others Go ignores most, and takes SIGSEGV for a fault.
func TestTunnelDiesOfASignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGKILL, syscall.SIGTERM,
	} {
		t.Run(fmt.Sprint(int(sig)), func(t *testing.T) {
			t.Parallel()
			x := serve(t, "s6-tlsd", nil)
			io := child(t, x.pid, "s6-tlsd-io")
			waitForNetwork(t, io)
			syscall.Kill(io, sig)
			x.expect(128+int(sig), "")

			y := dial(t, "s6-tlsc", []string{"-k", pki.Host})
			io = child(t, y.pid, "s6-tlsc-io")
			waitForNetwork(t, io)
			syscall.Kill(io, sig)
			y.expect(128+int(sig), "")

			z := serve(t, "s6-ucspitlsd", nil)
			a := z.stage.app()
			a.write(a.ctl, "Y")
			io = child(t, z.pid, "s6-tlsd-io")
			waitForNetwork(t, io)
			syscall.Kill(io, sig)
			a.expectEnd(a.ctl, "")
			a.expectWait(128 + int(sig))
			a.exit(0)
			z.expect(0, "")
		})
	}
}

// prog that can't be executed: 127 and 126. The tool of an immediate one
// finds out when the handshake is done.
func TestProgCannotBeExecuted(t *testing.T) {
	t.Parallel()
	dir := scratchFolder(t)
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "garbage")
	if err := entrytest.WriteProgram(empty, []byte("\x00\x01garbage")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prog string
		code int
		why  string
	}{
		{"/nonexistent/prog", 127, "no such file or directory"},
		{"nonexistent-prog", 127, "no such file or directory"},
		{"", 127, "no such file or directory"},
		{plain + "/x", 127, "not a directory"},
		{plain, 126, "permission denied"},
		{dir, 126, "permission denied"},
		{empty, 126, "exec format error"},
	} {
		for _, program := range []string{"s6-tlsd", "s6-ucspitlsd", "s6-tlsc", "s6-ucspitlsc"} {
			t.Run(program+" "+filepath.Base(c.prog), func(t *testing.T) {
				t.Parallel()
				peer, sock := network(t)
				s := spec{program: program, args: []string{"--", c.prog}}
				if isServerTool(program) {
					s.env, _ = material(t)
					s.files = map[int]*os.File{0: sock, 1: dup(t, sock)}
				} else {
					s.args = append([]string{"-k", pki.Host}, s.args...)
					s.env, _ = trusting(t)
					s.files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}
				}
				p := start(t, s)
				if delayed(program) {
					if data, end := drain(peer); len(data) > 0 || end != "FIN" {
						t.Errorf("the peer got %q, %s", data, end)
					}
				} else {
					conn := client(t, peer)
					if !isServerTool(program) {
						conn = answering(t, peer)
					}
					if err := conn.Handshake(); err != nil {
						t.Errorf("the peer's handshake: %v", err)
					}
					expectPeer(t, conn, "", false)
					conn.Close()
				}
				p.expect(c.code, program+": fatal: unable to exec "+c.prog+": "+c.why)
			})
		}
	}
}

func isServerTool(program string) bool { return program[len(program)-1] == 'd' }

// A prog of an immediate client that is there can be waited for: the -io is its child.
func TestTunnelIsTheChildOfProg(t *testing.T) {
	eachClient(t, func(t *testing.T, program string, version tweak) {
		x, a, c := meet(t, program, "y", []string{"-k", pki.Host}, version)
		if a.PID != x.pid {
			t.Errorf("prog has pid %d, the tool had %d", a.PID, x.pid)
		}
		child(t, a.PID, "s6-tlsc-io")
		echo(t, a, c)
		began := time.Now()
		a.close(a.wr)
		a.close(a.rd)
		c.Close()
		a.expectWait(0)
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("the tunnel lingered %v though the peer had closed", took)
		}
		a.exit(9)
		x.expect(9, "")
	})
}
