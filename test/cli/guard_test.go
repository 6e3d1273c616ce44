//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

const keyGuard = "TLS_KEYGUARD=1"

// withoutGuard is for a test that looks at descriptors which a guard has
// where every tool is given one; it has its own tests of them here.
func withoutGuard(t *testing.T) {
	t.Helper()
	if len(guardAll) > 0 {
		t.Skip("UCSPITLS_KEYGUARD=1")
	}
}

// guardOf gives the guard of a tunnel.
func guardOf(t *testing.T, io int) int {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(io) + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	program, _, _ := strings.Cut(string(data), "\x00")
	return child(t, io, filepath.Base(program)+": key guard of")
}

// alone waits until a process has no child, not even a dead one.
func alone(t *testing.T, pid int) {
	t.Helper()
	eventually(t, "the end of the guard", func() bool { return len(children(pid)) == 0 })
}

// openFiles gives the names of the files of a folder that a process has open.
func openFiles(pid int, dir string) []string {
	var open []string
	for _, link := range descriptors(pid) {
		if strings.HasPrefix(link, dir) {
			open = append(open, filepath.Base(link))
		}
	}
	slices.Sort(open)
	return open
}

// eachGuarded runs a test for a tool that is TLS from the start, and with P-256 for
// one that is not, in both versions.
func eachGuarded(t *testing.T, programs []string, test func(t *testing.T, program string, k pki.KeyType, version tweak)) {
	t.Parallel()
	for _, k := range pki.KeyTypes {
		for _, program := range programs {
			if delayed(program) && k != pki.P256 {
				continue
			}
			for _, v := range versions {
				t.Run(program+" "+string(k)+" "+v.name, func(t *testing.T) {
					t.Parallel()
					test(t, program, k, v.tweak)
				})
			}
		}
	}
}

// Every kind of key, in both versions: the guard is there before the
// handshake, with its socket alone, and after it nothing is left of it.
func TestKeyGuardOfServers(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	eachGuarded(t, servers, func(t *testing.T, program string, k pki.KeyType, version tweak) {
		env, dir := material(t)
		cert, key := pki.New(t).Server(k).WriteFiles(t, dir, "guarded")
		x := serveWith(t, spec{program: program, env: append(override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key}), keyGuard)})
		var a *app
		if delayed(program) {
			a = x.stage.app()
			a.write(a.ctl, "y")
		}
		io := child(t, x.pid, "s6-tlsd-io")
		guard := guardOf(t, io)
		expectDescriptors(t, guard, "0 socket, 1 pipe, 2 pipe")
		c := handshake(t, x.peer, version)
		if a == nil {
			a = x.stage.app()
		}
		alone(t, io)
		expectDescriptors(t, io, "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe")
		echo(t, a, c)
		a.exit(0)
		c.Close()
		x.expect(0, "")
	})
}

func TestKeyGuardOfClients(t *testing.T) {
	eachGuarded(t, clients, func(t *testing.T, program string, k pki.KeyType, version tweak) {
		env, dir := trusting(t)
		cert, key := pki.New(t).Client(k).WriteFiles(t, dir, "guarded")
		x := dialWith(t, spec{program: program, args: []string{"-y", "-k", pki.Host},
			env: append(override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key}), keyGuard)})
		a, c := x.greet("y", version, demanding(t))
		if !c.ConnectionState().PeerCertificates[0].Equal(pki.New(t).Client(k).X509) {
			t.Error("another certificate")
		}
		io := child(t, x.pid, "s6-tlsc-io")
		alone(t, io)
		echo(t, a, c)
		a.exit(0)
		c.Close()
		x.expect(0, "")
	})
}

// A client without -y has no key, and a server that asks for none leaves it
// where it is: nobody is left behind.
func TestKeyGuardThatIsNotNeeded(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-Y", "-y"} {
		x := dial(t, "s6-tlsc", []string{flag, "-k", pki.Host}, keyGuard)
		a, c := x.greet("")
		alone(t, child(t, x.pid, "s6-tlsc-io"))
		a.exit(0)
		c.Close()
		x.expect(0, "")
	}
}

// Whoever comes back with a ticket needs no signature: the guard ends with the
// handshake.
func TestKeyGuardAndTickets(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	t.Parallel()
	for _, v := range versions {
		r := newRegular(t, "s6-ucspitlsd", nil, v.tweak)
		r.env = append(r.env, keyGuard)
		r.expect(false)
		r.expect(true)
		r.expect(true)
	}
}

// In TLS 1.2 a client signs all that was said before: with a long chain of the
// server's that is much.
func TestKeyGuardAndALongTranscript(t *testing.T) {
	t.Parallel()
	long := *pki.New(t).Server(pki.P256)
	for range 80 {
		long.Chain = append(long.Chain[:len(long.Chain):len(long.Chain)], long.Chain[1])
	}
	x := dial(t, "s6-tlsc", []string{"-y", "-k", pki.Host}, keyGuard)
	a, c := x.greet("", tls12, showing(&long), demanding(t))
	echo(t, a, c)
	a.exit(0)
	c.Close()
	x.expect(0, "")
}

// A uTLS client with a fingerprint signs digests; any other client works.
func TestKeyGuardAndFingerprint(t *testing.T) {
	t.Parallel()
	if backendName != "utls" {
		t.Skip("no fingerprints here")
	}
	for _, c := range []struct{ flag, fingerprint, line string }{
		{"-y", "chrome", "TLS_KEYGUARD=1: a client with a fingerprint can't sign with a guarded key"},
		{"-y", "golang", ""},
		{"-Y", "chrome", ""},
	} {
		x := dial(t, "s6-tlsc", []string{c.flag, "-k", pki.Host}, keyGuard, "TLS_FINGERPRINT="+c.fingerprint, "TLS_ALPN=h2")
		if c.line != "" {
			if data, end := drain(x.peer); len(data) > 0 || end != "FIN" {
				t.Errorf("the peer got %q, %s", data, end)
			}
			x.peer.Close()
			x.expect(96, "s6-tlsc-io: fatal: "+c.line)
			continue
		}
		a, conn := x.greet("", func(cfg *tls.Config) { cfg.NextProtos = []string{"h2"} })
		a.exit(0)
		conn.Close()
		x.expect(0, "")
	}
}

// With server names: all keys are open in the guard and none in the tunnel.
// Once the name is known the guard closes the others before it reads one,
// which is a FIFO here.
func TestKeyGuardAndServerNames(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	needSight(t)
	t.Parallel()
	p := pki.New(t)
	for _, c := range []struct {
		ask  string
		want *pki.Cert // nil: refused
	}{
		{"a.example", p.Server(pki.P384)}, {"b.example", p.Server(pki.P384)}, {"x.c.example", p.Server(pki.Ed25519)},
		{"other.example", p.Server(pki.P256)}, {"-k2", nil},
	} {
		for _, v := range versions {
			t.Run(c.ask+" "+v.name, func(t *testing.T) {
				t.Parallel()
				env, dir := material(t)
				env = named(t, env, dir, "a.example", p.Server(pki.P384))
				env = named(t, env, dir, "*.c.example", p.Server(pki.Ed25519))
				env = named(t, env, dir, "b.example", p.Server(pki.P384))
				args := []string{"-k1"}
				if c.want == nil {
					args[0] = "-k2"
				}
				x := serveWith(t, spec{program: "s6-tlsd", args: args, env: append(env, keyGuard)})
				io := child(t, x.pid, "s6-tlsd-io")
				guard := guardOf(t, io)
				eventually(t, "the three keys in the guard", func() bool {
					return strings.Join(openFiles(guard, dir), " ") == "__c_example.key a_example.key b_example.key"
				})
				eventually(t, "the three chains in the tunnel", func() bool {
					return strings.Join(openFiles(io, dir), " ") == "__c_example.pem a_example.pem b_example.pem"
				})
				if c.want == nil {
					if alert := hello(askFor("unknown.example"), v.tweak)(t, x.peer); alert != "unrecognized_name" {
						t.Errorf("alert %q", alert)
					}
					x.peer.Close()
					x.expect(98, "s6-tlsd-io: fatal: handshake failed: no certificate for the server name that the client asked for (sent alert unrecognized_name)")
					return
				}
				conn := handshake(t, x.peer, askFor(c.ask), v.tweak)
				if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(c.want.X509) {
					t.Errorf("the peer was shown the certificate of %v", got.Subject)
				}
				a := x.stage.app()
				alone(t, io)
				echo(t, a, conn)
				a.exit(0)
				conn.Close()
				x.expect(0, "")
			})
		}
	}
}

// The guard has closed the keys of all other names before it reads the one
// that was asked for: that is a FIFO here, so that it stops there. Then it is
// killed: its end is the handshake's.
func TestKeyGuardReadsOneKey(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	needSight(t)
	t.Parallel()
	for _, killed := range []bool{false, true} {
		p := pki.New(t)
		env, dir := material(t)
		for _, name := range []string{"a.example", "b.example", "*.c.example"} {
			env = named(t, env, dir, name, p.Server(pki.P384))
		}
		fifo := filepath.Join(dir, "fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		keyEnd, err := os.OpenFile(fifo, os.O_RDWR, 0) // so that its opening does not wait
		if err != nil {
			t.Fatal(err)
		}
		defer keyEnd.Close()
		env = append(override(env, []string{"KEYFILE:b.example=" + fifo}), keyGuard)
		x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-k2"}, env: env})
		io := child(t, x.pid, "s6-tlsd-io")
		guard := guardOf(t, io)
		eventually(t, "all three keys to be open", func() bool { return len(openFiles(guard, dir)) == 3 })
		c := client(t, x.peer, askFor("b.example"))
		done := make(chan error, 1)
		go func() { done <- c.Handshake() }()
		eventually(t, "only the chosen key to be open", func() bool { return strings.Join(openFiles(guard, dir), " ") == "fifo" })
		if open := openFiles(io, dir); len(open) > 0 {
			t.Errorf("the tunnel has open: %s", open)
		}
		if killed {
			syscall.Kill(guard, syscall.SIGKILL)
			if err := <-done; alertOf(err) != "internal_error" {
				t.Errorf("the peer got %v", err)
			}
			x.peer.Close()
			x.expect(97, "s6-tlsd-io: fatal: TLS_KEYGUARD=1: the key guard ended without an answer (sent alert internal_error)")
			continue
		}
		if err := os.WriteFile(fifo, p.Server(pki.P384).KeyPEM(), 0); err != nil {
			t.Fatal(err)
		}
		keyEnd.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		x.stage.app().exit(0)
		c.Close()
		x.expect(0, "")
	}
}

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

// A guard has the tunnel's ids and shows nothing to others that have them.
func TestKeyGuardHides(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	need.Root(t)
	t.Parallel()
	x := serve(t, "s6-tlsd", nil, keyGuard, "TLS_UID=65534", "TLS_GID=65533")
	io := child(t, x.pid, "s6-tlsd-io")
	guard := guardOf(t, io)
	waitForNetwork(t, io)
	is := ids(t, guard)
	if is["Uid"] != "65534 65534 65534 65534" || is["Gid"] != "65533 65533 65533 65533" || is["Groups"] != "" || is["CapEff"] != "0000000000000000" {
		t.Errorf("Uid %s, Gid %s, Groups %s, CapEff %s", is["Uid"], is["Gid"], is["Groups"], is["CapEff"])
	}
	for _, task := range tasks(t, guard) {
		if is := ids(t, task); is["NoNewPrivs"] != "1" || is["Seccomp"] != "2" {
			t.Errorf("a thread: NoNewPrivs %s, Seccomp %s", is["NoNewPrivs"], is["Seccomp"])
		}
	}
	for _, pid := range []int{guard} {
		for _, file := range []string{"mem", "environ", "maps"} {
			cmd := exec.Command("cat", fmt.Sprintf("/proc/%d/%s", pid, file))
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65533}}
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "ermission denied") {
				t.Errorf("%s of %d: %v, %q", file, pid, err, abbreviate(string(out)))
			}
		}
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", guard))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (f[4] != "0" || f[5] != "0") {
			t.Error(line)
		}
	}
	c := handshake(t, x.peer)
	x.stage.app().exit(0)
	c.Close()
	x.expect(0, "")
}

// No process but the guard ever opens a key file, and the guard never has the
// network: told by all the calls of all processes.
func TestWhoOpensTheKey(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	needSight(t)
	t.Parallel()
	trace := need.Program(t, "strace", "strace")
	env, dir := material(t)
	env = named(t, env, dir, "a.example", pki.New(t).Server(pki.P384))
	env = named(t, env, dir, "b.example", pki.New(t).Server(pki.P384))
	log := filepath.Join(dir, "trace")
	peer, sock := network(t)
	x := start(t, spec{program: trace, args: []string{"-ff", "-yy", "-qq", "-s", "200", "-o", log, bin + "/s6-tlsd", "-k1", "--", "true"},
		env: append(env, keyGuard), files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
	c := handshake(t, peer, askFor("a.example"))
	expectPeer(t, c, "", false)
	c.Close()
	x.expect(0, "")
	logs, err := filepath.Glob(log + ".*")
	if err != nil || len(logs) == 0 {
		t.Fatal("no trace")
	}
	calls := map[string]string{} // by thread
	for _, path := range logs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		calls[strings.TrimPrefix(path, log+".")] = string(data)
	}
	isGuard := map[string]bool{}
	var mark func(thread string)
	mark = func(thread string) {
		isGuard[thread] = true
		for _, m := range cloned.FindAllStringSubmatch(calls[thread], -1) {
			mark(m[1])
		}
	}
	for thread, text := range calls {
		if strings.Contains(text, `["s6-tlsd-io: key guard of"`) {
			mark(thread)
		}
	}
	opened := 0
	for thread, text := range calls {
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "open") && strings.Contains(line, ".key\""):
				if opened++; !isGuard[thread] {
					t.Errorf("another process than the guard: %s", line)
				}
			case isGuard[thread] && strings.HasPrefix(line, "recv"), isGuard[thread] && strings.HasPrefix(line, "read(") && strings.Contains(line, "<TCP"):
				t.Errorf("the guard: %s", line)
			}
		}
	}
	if len(isGuard) == 0 || opened != 3 {
		t.Errorf("%d threads of a guard, %d openings of keys", len(isGuard), opened)
	}
}

var cloned = regexp.MustCompile(`(?m)^clone3?\(.*CLONE_THREAD.* = (\d+)`)

// opens reports whether a thread of a process is in openat(2).
func opens(t *testing.T, pid int) bool {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if os.IsPermission(err) {
			need.Root(t)
		}
		if strings.HasPrefix(string(data), fmt.Sprintf("%d ", syscall.SYS_OPENAT)) {
			return true
		}
	}
	return false
}
