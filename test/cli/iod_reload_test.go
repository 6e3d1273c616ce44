//go:build linux

package cli

import (
	"crypto/tls"
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
)

// The shared process as a service: reload, crash and end.

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
