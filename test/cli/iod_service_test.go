//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// The shared process as a service: start, readiness, rights and options.

// ownDaemon starts a daemon with the usual material and more, unless all tests
// have theirs.
func ownDaemon(t *testing.T, args []string, more ...string) (*daemon, []string) {
	t.Helper()
	chainOnly(t, "this one is started by the test")
	env, _ := material(t)
	env = override(env, more)
	d, ok := startDaemon(t, spec{args: args, env: env})
	if !ok {
		t.Fatal("the daemon did not start: ", d.stderr())
	}
	return d, slices.Clip(append(env, "TLS_IOD="+d.path))
}

// through starts a tool and brings it to where prog and peer talk. A delayed
// tool's app has sent "y".
func through(t *testing.T, program string, args, env []string, tweaks ...tweak) (*server, *app, *tls.Conn) {
	t.Helper()
	x := serveWith(t, spec{program: program, args: args, env: env})
	a, c := x.talk(t, program, tweaks...)
	return x, a, c
}

// chats shows that a session is alive, in both directions.
func chats(t *testing.T, a *app, c *tls.Conn) {
	t.Helper()
	c.Write([]byte("question"))
	a.expectRead(a.rd, "question")
	a.write(a.wr, "answer")
	expectBytes(t, c, "answer")
}

// finish ends a session normally.
func (x *server) finish(a *app, c *tls.Conn) {
	x.t.Helper()
	a.exit(0)
	c.Close()
	x.expect(0, "")
}

// own reports whether there is an -io for a session after all.
func own(pid int) bool {
	for _, n := range children(pid) {
		data, _ := os.ReadFile("/proc/" + strconv.Itoa(n) + "/cmdline")
		name, _, _ := strings.Cut(string(data), "\x00")
		if filepath.Base(name) == "s6-tlsd-io" {
			return true
		}
	}
	return false
}

func TestSharedSession(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	for _, program := range servers {
		x, a, c := through(t, program, nil, env)
		if own(x.pid) {
			t.Errorf("%s has started an -io", program)
		}
		chats(t, a, c)
		x.finish(a, c)
	}
	expectLine(t, d.stop(), "")
	if _, err := os.Lstat(d.path); err == nil {
		t.Error("the socket is left behind")
	}
}

// TestSharedDaemonDoesNotStart: the reason is one line, the code the -io's.
func TestSharedDaemonDoesNotStart(t *testing.T) {
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	env, _ := material(t)
	dir := socketDir(t, nil)
	plain := filepath.Join(dir, "plain")
	pki.WriteFile(t, dir, "plain", nil)
	open := filepath.Join(socketDir(t, nil), "open")
	if err := os.Mkdir(open, 0o777); err != nil || os.Chmod(open, 0o777) != nil {
		t.Fatal(err)
	}
	busy, ok := startDaemon(t, spec{env: env})
	if !ok {
		t.Fatal(busy.stderr())
	}
	for _, c := range []struct {
		args []string
		env  []string
		code int
		line string
	}{
		{[]string{dir + "/s"}, []string{"KEYFILE"}, 100, "fatal: KEYFILE not set"},
		{[]string{dir + "/s"}, []string{"CERTFILE=/nonexistent"}, 96, "fatal: CERTFILE: open /nonexistent: no such file or directory"},
		{[]string{dir + "/s"}, []string{"TLS_KEYGUARD=1", "KEYFILE=/nonexistent"}, 96, "fatal: KEYFILE: open /nonexistent: no such file or directory"},
		{[]string{dir + "/s"}, []string{"TLS_KEYGUARD=1", "KEYFILE=/dev/null"}, 96, "fatal: KEYFILE: "},
		{[]string{dir + "/s"}, []string{"TLS_IDLE_TIMEOUT=x"}, 100, "fatal: TLS_IDLE_TIMEOUT must be"},
		{[]string{open + "/s"}, nil, 96, "fatal: socket: others can write to " + open},
		{[]string{"/nonexistent/s"}, nil, 96, "fatal: socket: open /nonexistent: no such file or directory"},
		{[]string{plain}, nil, 96, "fatal: socket: " + plain + " exists, and is no socket"},
		{[]string{busy.path}, nil, 111, "fatal: somebody listens on " + busy.path + " already"},
		{[]string{dir + "/" + strings.Repeat("x", 120)}, nil, 100, "fatal: socket: " + dir},
		{[]string{"-u", "root", dir + "/s"}, nil, 100, "fatal: uids must be a comma list of numeric ids"},
		{[]string{"-d", "99", dir + "/s"}, nil, 111, "fatal: unable to check descriptor 99: bad file descriptor"},
		{[]string{dir + "/s", "more"}, nil, 100, "usage: s6-tlsd-iod "},
		{nil, nil, 100, "usage: s6-tlsd-iod "},
	} {
		p := start(t, spec{program: "s6-tlsd-iod", args: c.args, env: override(env, c.env), files: map[int]*os.File{0: devNull(t), 1: devNull(t)}})
		if got := p.code(); got != c.code {
			t.Errorf("%q %q: exit code %d, want %d", c.args, c.env, got, c.code)
		}
		if out := p.stderr(); !strings.HasPrefix(out, "s6-tlsd-iod: "+c.line) || strings.Count(out, "\n") != 1 {
			t.Errorf("%q: stderr %q", c.args, out)
		}
	}
	busy.stop()
}

// TestSharedStaleSocket: one that a dead daemon left is replaced.
func TestSharedStaleSocket(t *testing.T) {
	t.Parallel()
	d, _ := ownDaemon(t, nil)
	syscall.Kill(d.pid, syscall.SIGKILL)
	d.process.stderr() // its worker drains, and ends
	env, _ := material(t)
	again := &daemon{process: start(t, spec{program: "s6-tlsd-iod", args: []string{"-d1", d.path}, env: env, files: map[int]*os.File{0: devNull(t)}, stdout: true}), path: d.path}
	if !again.ready() {
		t.Fatal("not ready")
	}
	x, a, c := through(t, "s6-tlsd", nil, append(env, "TLS_IOD="+d.path))
	x.finish(a, c)
	expectLine(t, again.stop(), "")
}

// TestSharedReadiness: systemd is told as well.
func TestSharedReadiness(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t, nil), "notify")
	n, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(n, &syscall.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(n)
	d, _ := ownDaemon(t, nil, "NOTIFY_SOCKET="+path)
	var b [100]byte
	m, _, err := syscall.Recvfrom(n, b[:], 0)
	if string(b[:max(0, m)]) != "READY=1" {
		t.Errorf("%q, %v", b[:max(0, m)], err)
	}
	d.stop()
}

// TestSharedRights: the worker has dropped what the supervisor keeps to read
// the files again.
func TestSharedRights(t *testing.T) {
	need.Root(t)
	t.Parallel()
	d, env := ownDaemon(t, nil, "TLS_UID=65534", "TLS_GID=65533")
	worker := d.worker()
	for _, id := range tasks(t, worker) {
		is := ids(t, id)
		if is["Uid"] != four("65534") || is["Gid"] != four("65533") || is["Groups"] != "" || is["CapEff"] != "0000000000000000" {
			t.Errorf("worker: %v", is)
		}
	}
	if is := ids(t, d.pid); is["Uid"] != four("0") {
		t.Errorf("supervisor: %v", is)
	}
	for n, link := range descriptors(worker) {
		if strings.HasPrefix(link, "/") && n > 2 {
			t.Errorf("the worker has %s open", link)
		}
	}
	x, a, c := through(t, "s6-tlsd", nil, env)
	chats(t, a, c)
	x.finish(a, c)
	d.stop()
}

func four(id string) string { return strings.Repeat(id+" ", 3) + id }

// TestSharedOptions: what the daemon is started with holds for every session.
func TestSharedOptions(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, []string{"-SJ"})
	x, a, c := through(t, "s6-tlsd", nil, env)
	a.play(write(a.wr, "bye"), step{Do: "close", FD: a.wr})
	expectPeer(t, c, "bye", true)
	x.peer.CloseWrite() // no close_notify
	a.expectEnd(a.rd, "")
	a.exit(0)
	x.expect(0, "")
	if log := d.stop(); !strings.HasSuffix(log, ": remote closed connection without a close_notify\n") || !strings.HasPrefix(log, "s6-tlsd-iod: fatal: connection ") {
		t.Errorf("stderr %q", log)
	}

	d, env = ownDaemon(t, []string{"-K", "300"}, "TLS_IDLE_TIMEOUT=700")
	x = serveWith(t, spec{program: "s6-tlsd", args: []string{"-K", "9999999"}, env: override(env, []string{"TLS_IDLE_TIMEOUT=99999"})})
	x.expect(98, "s6-tlsd-io: fatal: handshake timed out")
	expectLine(t, d.stop(), "")

	d, env = ownDaemon(t, nil, "TLS_IDLE_TIMEOUT=700")
	x, a, c = through(t, "s6-ucspitlsd", nil, override(env, []string{"TLS_IDLE_TIMEOUT=9999999"}))
	a.expectWait(98)
	a.exit(0)
	x.expect(0, "s6-tlsd-io: fatal: idle for 700 ms (TLS_IDLE_TIMEOUT)")
	c.Close()
	expectLine(t, d.stop(), "")
}

// TestSharedNames: every name's pair is there for every connection.
func TestSharedNames(t *testing.T) {
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	p := pki.New(t)
	env, dir := material(t)
	names := []string{"a.example", "b.example", "c.example"}
	want := map[string]*pki.Cert{"": p.Server(pki.P256)}
	for i, name := range names {
		want[name] = p.Server([]pki.KeyType{pki.RSA2048, pki.P384, pki.Ed25519}[i])
		cert, key := want[name].WriteFiles(t, dir, name)
		env = append(env, "CERTFILE:"+name+"="+cert, "KEYFILE:"+name+"="+key)
	}
	d, ok := startDaemon(t, spec{args: []string{"-k1"}, env: env})
	if !ok {
		t.Fatal(d.stderr())
	}
	env = slices.Clip(append(env, "TLS_IOD="+d.path))
	for range 2 {
		for name, cert := range want {
			x, a, c := through(t, "s6-tlsd", []string{"--sni"}, env, func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = name, true })
			if got := c.ConnectionState().PeerCertificates[0].Raw; fmt.Sprintf("%x", got) != fmt.Sprintf("%x", cert.DER()) {
				t.Errorf("%q: the wrong certificate", name)
			}
			if own(x.pid) {
				t.Error("an -io was started")
			}
			x.finish(a, c)
		}
	}
	expectLine(t, d.stop(), "")
}
