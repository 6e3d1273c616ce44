//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
		x.finish(a, c)
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
				x.finish(a, conn)
			})
		}
	}
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
