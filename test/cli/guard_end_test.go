//go:build linux

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// However one of the two ends, the other doesn't go on for long.
func TestEndOfAKeyGuard(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	t.Parallel()
	begin := func(t *testing.T, args ...string) (x *server, io, guard int) {
		x = serve(t, "s6-tlsd", args, keyGuard)
		io = child(t, x.pid, "s6-tlsd-io")
		guard = guardOf(t, io)
		expectDescriptors(t, guard, "0 socket, 1 pipe, 2 pipe")
		// It was ready when the tunnel waits for the network.
		waitForNetwork(t, io)
		return x, io, guard
	}
	for _, v := range versions {
		t.Run("killed before the handshake "+v.name, func(t *testing.T) {
			t.Parallel()
			x, _, guard := begin(t)
			syscall.Kill(guard, syscall.SIGKILL)
			alert := "internal_error"
			if v.name == "TLSv1.2" && backendName != "openssl" {
				alert = "handshake_failure" // crypto/tls
			}
			if got := hello(v.tweak)(t, x.peer); got != alert {
				t.Errorf("the peer got the alert %q, want %q", got, alert)
			}
			x.peer.Close()
			x.expect(97, "s6-tlsd-io: fatal: TLS_KEYGUARD=1: the key guard ended without an answer (sent alert "+alert+")")
			if x.stage.started() {
				t.Error("prog was started")
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		x, _, guard := begin(t, "-K", "8000")
		syscall.Kill(guard, syscall.SIGSTOP)
		hello()(t, x.peer)
		x.peer.Close()
		if code := x.code(); code != 98 {
			t.Errorf("exit code %d", code)
		}
		syscall.Kill(guard, syscall.SIGCONT)
		x.expect(98, "s6-tlsd-io: fatal: handshake timed out")
	})
	t.Run("the tunnel is killed", func(t *testing.T) {
		t.Parallel()
		x, io, _ := begin(t)
		syscall.Kill(io, syscall.SIGKILL)
		x.code()
		x.stderr() // nobody has it any more
	})
	t.Run("the client leaves", func(t *testing.T) {
		t.Parallel()
		x, _, _ := begin(t)
		x.peer.Close()
		x.expect(98, "s6-tlsd-io: fatal: handshake failed: the peer closed the connection during the handshake")
	})
	t.Run("the handshake times out", func(t *testing.T) {
		t.Parallel()
		x := serve(t, "s6-tlsd", []string{"-K", "200"}, keyGuard)
		x.expect(98, "s6-tlsd-io: fatal: handshake timed out")
	})
	// It opens a FIFO that nobody writes to, and can't look at its socket.
	for _, who := range []string{"guard", "tunnel"} {
		t.Run("a key that can't be opened, end of the "+who, func(t *testing.T) {
			t.Parallel()
			env, dir := material(t)
			fifo := filepath.Join(dir, "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			x := serveWith(t, spec{program: "s6-tlsd", env: append(override(env, []string{"KEYFILE=" + fifo}), keyGuard)})
			io := child(t, x.pid, "s6-tlsd-io")
			guard := guardOf(t, io)
			eventually(t, "the guard to wait for the key", func() bool { return opens(t, guard) })
			if who == "tunnel" {
				syscall.Kill(io, syscall.SIGKILL)
				x.code()
				x.stderr()
				return
			}
			syscall.Kill(guard, syscall.SIGKILL)
			x.expect(97, "s6-tlsd-io: fatal: TLS_KEYGUARD=1: the key guard ended without an answer")
		})
	}
}

// waitForNetwork waits until a tunnel is done with its files: a thread of it polls.
func waitForNetwork(t *testing.T, pid int) {
	t.Helper()
	needSight(t)
	calls := []string{strconv.Itoa(syscall.SYS_PPOLL), "7"} // poll(2) of amd64; arm64 has none
	eventually(t, "the tunnel to poll", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		return slices.ContainsFunc(threads, func(path string) bool {
			data, _ := os.ReadFile(path)
			number, _, _ := strings.Cut(string(data), " ")
			return slices.Contains(calls, number)
		})
	})
}
