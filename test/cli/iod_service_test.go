//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// The shared process as a service: start, readiness, reload, crash and end.

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

// own tells whether there is an -io for a session after all.
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

// TestSharedReload: new files are taken while connections come and go, and no
// byte of any is lost.
func TestSharedReload(t *testing.T) {
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	p := pki.New(t)
	env, dir := material(t)
	d, ok := startDaemon(t, spec{args: []string{"-v2"}, env: env})
	if !ok {
		t.Fatal(d.stderr())
	}
	env = slices.Clip(append(env, "TLS_IOD="+d.path))
	_, old, oldConn := through(t, "s6-ucspitlsd", nil, env)
	stop := make(chan bool)
	var load sync.WaitGroup
	for i := range 4 {
		load.Add(1)
		go func() {
			defer load.Done()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if t.Failed() {
					return
				}
				x, a, c := through(t, servers[i%2], nil, env, func(c *tls.Config) { c.InsecureSkipVerify = true })
				const size = 200000
				a.send(step{Do: "pour", FD: a.wr, N: size}, step{Do: "close", FD: a.wr})
				var k checker
				if _, err := io.Copy(&k, c); err != nil || k.Err != nil || k.N != size {
					t.Errorf("the peer got %d bytes, %v, %v", k.N, err, k.Err)
				}
				a.results()
				x.finish(a, c)
			}
		}()
	}
	first := d.worker()
	for i := range 3 {
		syscall.Kill(d.pid, syscall.SIGHUP)
		serves := i + 2
		eventually(t, "a new worker", func() bool { return strings.Count(d.written(), "serves") >= serves })
	}
	p.Server(pki.RSA2048).WriteFiles(t, dir, "server")
	eventually(t, "a reload for changed files", func() bool { return strings.Contains(d.written(), "reloading: a file changed") })
	eventually(t, "the new certificate", func() bool {
		x, a, c := through(t, "s6-tlsd", nil, env)
		defer x.finish(a, c)
		return c.ConnectionState().PeerCertificates[0].PublicKeyAlgorithm.String() == "RSA"
	})
	close(stop)
	load.Wait()
	// The first worker still has its session.
	chats(t, old, oldConn)
	old.exit(0)
	oldConn.Close()
	eventually(t, "the end of the first worker", func() bool { return syscall.Kill(first, 0) != nil })
	if log := d.stop(); strings.Contains(log, "warning") || strings.Contains(log, "fatal") {
		t.Errorf("stderr\n%s", log)
	}
}

// TestSharedBadReload: what can't be read is said, and the old worker goes on.
func TestSharedBadReload(t *testing.T) {
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	env, dir := material(t)
	d, ok := startDaemon(t, spec{env: env})
	if !ok {
		t.Fatal(d.stderr())
	}
	env = slices.Clip(append(env, "TLS_IOD="+d.path))
	key := filepath.Join(dir, "server.key")
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	pki.WriteFile(t, dir, "server.key", []byte("not a key\n"))
	eventually(t, "a complaint", func() bool { return strings.Contains(d.written(), "the one that serves goes on") })
	if !strings.Contains(d.written(), "s6-tlsd-iod: fatal: KEYFILE: "+key+": ") || !strings.Contains(d.written(), "(exit code 96)") {
		t.Errorf("stderr %q", d.written())
	}
	x, a, c := through(t, "s6-tlsd", nil, env)
	chats(t, a, c)
	x.finish(a, c)
	pki.WriteFile(t, dir, "server.key", good)
	d.stop()
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

// TestSharedWorkerIsKilled: its sessions end as if their -io had been killed,
// nobody goes on in cleartext, and the next worker serves.
func TestSharedWorkerIsKilled(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	const lost = "fatal: the shared tunnel process ended before the session did"
	x1, a1, c1 := through(t, "s6-ucspitlsd", nil, env)
	x2, a2, c2 := through(t, "s6-tlsd", nil, env)
	x3 := serveWith(t, spec{program: "s6-tlsd", env: env}) // in its handshake
	worker := d.worker()
	eventually(t, "the third session", func() bool {
		n := 0
		for _, link := range descriptors(worker) {
			if strings.HasPrefix(link, "pipe:") {
				n++
			}
		}
		return n >= 7
	})
	syscall.Kill(worker, syscall.SIGKILL)
	for _, c := range []*tls.Conn{c1, c2} {
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the peer read something")
		}
	}
	a1.expectEnd(a1.rd, "")
	a1.expectFault(1, "broken pipe")
	a1.expectWait(111)
	a1.exit(0)
	x1.expect(0, "s6-ucspitlsd: "+lost)
	a2.expectEnd(a2.rd, "")
	a2.exit(0)
	x2.expect(0, "")
	x3.expect(111, "s6-tlsd: "+lost)
	eventually(t, "the next worker", func() bool { return strings.Contains(d.written(), "starting another") })
	x, a, c := through(t, "s6-tlsd", nil, env)
	if own(x.pid) {
		t.Error("while the next worker starts, the socket is there: nobody starts an -io")
	}
	x.finish(a, c)
	if log := d.stop(); !strings.Contains(log, "worker "+strconv.Itoa(worker)+" ended (signal 9): starting another in 1s") {
		t.Errorf("stderr %q", log)
	}
}

// TestSharedSupervisorIsKilled: the worker drains, new sessions have an -io.
func TestSharedSupervisorIsKilled(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	x, a, c := through(t, "s6-ucspitlsd", nil, env)
	syscall.Kill(d.pid, syscall.SIGKILL)
	eventually(t, "an -io", func() bool {
		x, a, c := through(t, "s6-tlsd", nil, env)
		defer x.finish(a, c)
		return own(x.pid)
	})
	chats(t, a, c)
	x.finish(a, c)
	expectLine(t, d.process.stderr(), "")
}

// TestSharedTermination: SIGTERM lets sessions come to their end, a second one
// does not.
func TestSharedTermination(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	x, a, c := through(t, "s6-ucspitlsd", nil, env)
	syscall.Kill(d.pid, syscall.SIGTERM)
	eventually(t, "the end of the socket", func() bool { _, err := os.Lstat(d.path); return err != nil })
	x2, a2, c2 := through(t, "s6-ucspitlsd", []string{"-v2"}, env)
	if !own(x2.pid) {
		t.Error("a daemon that ends has taken a session")
	}
	a2.exit(0)
	c2.Close()
	if out := x2.stderr(); !strings.Contains(out, "s6-ucspitlsd: info: TLS_IOD: nobody listens on "+d.path+": starting s6-tlsd-io\n") {
		t.Errorf("stderr %q", out)
	}
	chats(t, a, c)
	syscall.Kill(d.pid, syscall.SIGTERM)
	if code := d.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	a.expectWait(111)
	a.exit(0)
	x.expect(0, "s6-ucspitlsd: fatal: the shared tunnel process ended before the session did")
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
