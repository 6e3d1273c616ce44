//go:build linux

package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"ucspitls/test/need"
)

// System calls that fail, and processes that are killed at one: strace makes
// them, so that nothing in the programs knows.

// strace gives the command line before a program, or skips.
func strace(t *testing.T, inject ...string) []string {
	t.Helper()
	path := need.Program(t, "strace", "strace")
	line := []string{path, "-f", "-qqq", "-o", "/dev/null"}
	for _, i := range inject {
		line = append(line, "-e", "inject="+i)
	}
	if out, err := straceWorks(); err != nil {
		need.Missing(t, "strace that may trace", fmt.Sprintf("%v: %s", err, out))
	}
	return line
}

var straceWorks = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("strace", "-f", "-qqq", "-o", "/dev/null", "-e", "inject=getppid:error=EINTR", "true").CombinedOutput()
	return string(out), err
})

// traced is the environment of a program under strace. An injected error
// makes a system call of number -1, which the filter of the sandbox takes for
// what it is.
func traced(t *testing.T) []string {
	t.Helper()
	env, _ := material(t)
	return append(env, "TLS_SANDBOX=off")
}

// What prog and peer say to each other here.
const said = 20_000

// A verdict is how a session with a fault went.
type verdict struct {
	code   int
	stderr string
	up     []byte // what the peer got
	down   []byte // what prog got
}

// exchange runs an -io with words before it, and lets both sides say and read
// all they can.
func exchange(t *testing.T, words []string, program string, env []string) verdict {
	t.Helper()
	peer, sock := network(t)
	inR, in := pipe(t)
	out, outW := pipe(t)
	args := append(append([]string{}, words[1:]...), bin+"/"+program, "-S", "-K", "8000", "--", "6", "7")
	p := start(t, spec{program: words[0], args: args, env: env,
		files: map[int]*os.File{0: sock, 1: dup(t, sock), 6: inR, 7: outW}})
	var v verdict
	var all sync.WaitGroup
	all.Go(func() {
		in.Write(patternAt(0, said))
		in.Close()
	})
	all.Go(func() { v.down, _ = io.ReadAll(out) })
	all.Go(func() { v.up = converseTLS(t, peer) })
	all.Wait()
	v.code, v.stderr = p.code(), p.stderr()
	return v
}

// converseTLS is a peer that says its part, half-closes, and gives what it got.
func converseTLS(t *testing.T, peer *tap) (got []byte) {
	defer peer.Close()
	peer.SetDeadline(time.Now().Add(patience))
	c := client(t, peer)
	if c.Handshake() != nil {
		return nil
	}
	wrote := make(chan bool)
	go func() {
		c.Write(patternAt(0, said))
		c.CloseWrite()
		close(wrote)
	}()
	got, _ = io.ReadAll(c)
	<-wrote
	return got
}

// sound checks what holds whatever fails: bytes are right as far as they go,
// no trace, one line at most, and a code of the table.
func (v verdict) sound(t *testing.T) {
	t.Helper()
	for who, got := range map[string][]byte{"the peer": v.up, "prog": v.down} {
		if !bytes.HasPrefix(patternAt(0, said), got) {
			t.Errorf("%s got other bytes than were sent", who)
		}
	}
	switch v.code {
	case 0, 96, 97, 98, 111:
	default:
		t.Errorf("exit code %d", v.code)
	}
	if v.code == 0 && len(v.up) != said {
		t.Errorf("a normal end, but the peer got %d of %d bytes", len(v.up), said)
	}
	if (v.code == 0) != (v.stderr == "") || strings.Count(v.stderr, "\n") > 1 || strings.Contains(v.stderr, "goroutine") || strings.Contains(v.stderr, "internal") {
		t.Errorf("code %d, stderr %q", v.code, v.stderr)
	}
}

// onlyOpening lets faults of openat meet the certificate alone: the runtime
// and the dynamic linker open files too.
func onlyOpening(words, env []string) []string {
	if strings.Contains(words[len(words)-1], "openat") {
		words = append(words, "-P", certOf(env))
	}
	return words
}

// reaches skips a fault that something else would meet before the tunnel does,
// and in a way that no system has. With a key guard, Go's ForkExec reads a pipe
// until it ends, whose other end a close that fails here has not closed; and
// EAGAIN means that a guard's socket has waited for its time.
func reaches(t *testing.T, inject string) {
	t.Helper()
	if backendName == "openssl" && (strings.Contains(inject, "read") || strings.Contains(inject, "close")) {
		t.Skip("the dynamic linker makes this call too")
	}
	if guardAll != nil && (strings.Contains(inject, "close") || inject == "write:error=EAGAIN:when=1+2") {
		t.Skip("a key guard can't be started, or asked, with it")
	}
}

func certOf(env []string) string { return strings.TrimPrefix(env[0], "CERTFILE=") }

// Errors that mean nothing but "again" cost nothing.
func TestInterruptedCalls(t *testing.T) {
	t.Parallel()
	env := traced(t)
	for _, inject := range []string{
		"recvfrom:error=EINTR:when=1+2", "recvfrom:error=EAGAIN:when=1+2",
		"sendto:error=EINTR:when=1+2", "sendto:error=EAGAIN:when=1+2", "sendto:error=ENOBUFS:when=1+2",
		"read:error=EINTR:when=1+2", "write:error=EINTR:when=1+2", "write:error=EAGAIN:when=1+2",
		"ppoll,poll:error=EINTR:when=1+2", "openat:error=EINTR:when=1",
		"recvfrom,sendto,read,write,ppoll,poll:error=EINTR:when=2+3",
	} {
		t.Run(inject, func(t *testing.T) {
			t.Parallel()
			reaches(t, inject)
			v := exchange(t, onlyOpening(strace(t, inject), env), "s6-tlsd-io", env)
			v.sound(t)
			if v.code != 0 || len(v.up) != said || len(v.down) != said {
				t.Errorf("exit code %d, %d bytes to the peer, %d to prog; stderr %q", v.code, len(v.up), len(v.down), v.stderr)
			}
		})
	}
}

// Errors that end a session, each with its code.
func TestFailingCalls(t *testing.T) {
	t.Parallel()
	env := traced(t)
	for _, c := range []struct {
		inject string
		code   int
		line   string // part of it
	}{
		{"recvfrom:error=ECONNRESET:when=1", 98, "handshake failed: connection reset by peer"},
		{"recvfrom:error=ETIMEDOUT:when=1", 98, "handshake failed: connection timed out"},
		{"recvfrom:error=EHOSTUNREACH:when=1+", 98, "handshake failed: no route to host"},
		{"sendto:error=ENETDOWN:when=1+", 98, "network is down"},
		{"openat:error=EMFILE:when=1", 96, "CERTFILE: open CERT: too many open files"},
		{"openat:error=EIO:when=1", 111, "CERTFILE: open CERT: input/output error"},
	} {
		t.Run(c.inject, func(t *testing.T) {
			t.Parallel()
			v := exchange(t, onlyOpening(strace(t, c.inject), env), "s6-tlsd-io", env)
			v.sound(t)
			if v.code != c.code || !strings.Contains(v.stderr, strings.Replace(c.line, "CERT:", certOf(env)+":", 1)) {
				t.Errorf("exit code %d, stderr %q, want %d and %q", v.code, v.stderr, c.code, c.line)
			}
		})
	}
}

// Each call fails at each place: whatever that leads to is an end in good order.
func TestAnyCallFails(t *testing.T) {
	t.Parallel()
	env := traced(t)
	places := []int{1, 3}
	if testing.Short() {
		places = places[:1]
	}
	if os.Getenv("UCSPITLS_FAULTS") != "" {
		places = nil
		for n := range 40 {
			places = append(places, n+1)
		}
	}
	for _, call := range []string{"recvfrom", "sendto", "ppoll", "getsockopt", "setsockopt", "shutdown", "ioctl", "close"} {
		for _, errno := range []string{"EIO", "ENOMEM", "EBADF"} {
			for _, n := range places {
				t.Run(fmt.Sprint(call, " ", errno, " ", n), func(t *testing.T) {
					t.Parallel()
					reaches(t, call)
					exchange(t, strace(t, fmt.Sprintf("%s:error=%s:when=%d", call, errno, n)), "s6-tlsd-io", env).sound(t)
				})
			}
		}
	}
}

// Every process of a session is killed at each of its system calls. The peer
// has what it has, in order; everybody else goes home.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	env := traced(t)
	var steps []int
	for n := 1; n < 400; n += 2 + n/3 {
		steps = append(steps, n)
	}
	if os.Getenv("UCSPITLS_FAULTS") != "" {
		steps = nil
		for n := range 400 {
			steps = append(steps, n+1)
		}
	} else if testing.Short() {
		steps = steps[:5]
	}
	for _, program := range servers {
		prog := []string{"cat"}
		if delayed(program) {
			prog = []string{"sh", "-c", `printf y >&$SSLCTLFD; exec cat <&$SSLREADFD >&$SSLWRITEFD`}
		}
		for _, n := range steps {
			t.Run(fmt.Sprint(program, " ", n), func(t *testing.T) {
				t.Parallel()
				peer, sock := network(t)
				words := strace(t, fmt.Sprintf("all:signal=KILL:when=%d", n))
				args := append(append(append([]string{}, words[1:]...), bin+"/"+program, "-S", "-K", "8000", "--"), prog...)
				p := start(t, spec{program: words[0], args: args, env: env, files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
				if got := converseTLS(t, peer); !bytes.HasPrefix(patternAt(0, said), got) {
					t.Errorf("the peer got other bytes than it sent: %d", len(got))
				}
				p.code()
				if out := p.stderr(); strings.Contains(out, "goroutine") || strings.Contains(out, "panic") || strings.Contains(out, "internal") {
					t.Errorf("stderr %q", out)
				}
			})
		}
	}
}
