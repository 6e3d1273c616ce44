//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"ucspitls/internal/handover"
	"ucspitls/test/need"
)

// Who listens on a shared process's path, with which configuration, and who may connect.

// TestSharedMismatch: a session that the daemon would not set up as its
// wrapper wants it gets an -io, and the difference is named.
func TestSharedMismatch(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, []string{"-Y"}, "TLS_ALPN=a")
	_, dir := material(t)
	for _, c := range []struct {
		args, env []string
		name      string
	}{
		{nil, nil, "-y"},
		{[]string{"-Y", "--mandatory-sni"}, []string{"CERTFILE:localhost=" + dir + "/server.pem", "KEYFILE:localhost=" + dir + "/server.key"}, "-k"},
		{[]string{"-Y"}, []string{"KEYFILE=" + dir + "/server.key", "CERTFILE=" + dir + "/server.pem"}, "CERTFILE"},
		{[]string{"-Y"}, []string{"TLS_MIN_VERSION=1.3"}, "TLS_MIN_VERSION"},
		{[]string{"-Y"}, []string{"TLS_ALPN"}, "TLS_ALPN"},
		{[]string{"-Y"}, []string{"TLS_SANDBOX=off"}, "TLS_SANDBOX"},
	} {
		for _, program := range servers {
			x, a, conn := through(t, program, c.args, override(env, c.env))
			if !own(x.pid) {
				t.Errorf("%s: no -io was started", c.name)
			}
			a.exit(0)
			conn.Close()
			x.expect(0, program+": warning: TLS_IOD: the shared process was started with another "+c.name+": starting s6-tlsd-io")
		}
	}
	// What makes no difference to the set-up does not count.
	x, a, conn := through(t, "s6-tlsd", []string{"-YSJ", "-K", "9000", "-v0"}, override(env, []string{"TLS_IDLE_TIMEOUT=90000", "TLS_FINGERPRINT=x"}))
	if own(x.pid) {
		t.Error("an -io was started")
	}
	x.finish(a, conn)
	expectLine(t, d.stop(), "")
}

// squat listens on path as another user, who says go to everybody.
func squat(t *testing.T, path string, uid int) (took func() bool) {
	t.Helper()
	// SO_PEERCRED is the effective id at the time of listen(2), of the thread.
	result := make(chan error)
	var l int
	go func() {
		var err error
		l, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
		if err == nil {
			err = syscall.Bind(l, &syscall.SockaddrUnix{Name: path})
		}
		if err == nil {
			lockedAs(uid, func() { err = syscall.Listen(l, 10) })
		}
		result <- err
	}()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	stolen := false
	go func() {
		for {
			n, _, err := syscall.Accept(l)
			if err != nil {
				return
			}
			syscall.Sendto(n, handover.Go, syscall.MSG_NOSIGNAL, nil)
			var b, rights [1024]byte
			for {
				m, oobn, _, _, err := syscall.Recvmsg(n, b[:], rights[:], 0)
				if m <= 0 || err != nil {
					break
				}
				if oobn > 0 {
					mu.Lock()
					stolen = true
					mu.Unlock()
					scm, _ := syscall.ParseSocketControlMessage(rights[:oobn])
					fds, _ := syscall.ParseUnixRights(&scm[0])
					for _, fd := range fds {
						syscall.Close(fd)
					}
					break
				}
			}
			syscall.Close(n)
		}
	}()
	t.Cleanup(func() { syscall.Shutdown(l, syscall.SHUT_RDWR); syscall.Close(l) })
	return func() bool { mu.Lock(); defer mu.Unlock(); return stolen }
}

// TestSharedSquatter: a descriptor goes to nobody but root, oneself and TLS_UID.
func TestSharedSquatter(t *testing.T) {
	need.Root(t)
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	path := filepath.Join(socketDir(t, nil), "s")
	took := squat(t, path, 4321)
	env, _ := material(t)
	env = append(env, "TLS_IOD="+path)
	line := "fatal: uid 4321 listens on " + path + ": not to be trusted with a connection"
	x := serveWith(t, spec{program: "s6-tlsd", env: env})
	x.expect(111, "s6-tlsd: "+line)
	if x.stage.started() {
		t.Error("prog was started")
	}
	x = serveWith(t, spec{program: "s6-ucspitlsd", env: env})
	a := x.stage.app()
	a.write(a.ctl, "Y")
	a.expectEnd(a.ctl, "")
	a.expectFault(1, "broken pipe") // not in cleartext either
	a.expectWait(111)
	a.exit(0)
	x.expect(0, "s6-ucspitlsd: "+line)
	if took() {
		t.Error("the squatter has a descriptor")
	}
	// As TLS_UID he is trusted, and this one does not do its work.
	x = serveWith(t, spec{program: "s6-tlsd", env: append(env, "TLS_UID=4321", "TLS_GID=4321")})
	x.peer.CloseWrite()
	drain(x.peer)
	x.code()
	if !took() {
		t.Error("TLS_UID was not trusted")
	}
}

// TestSharedUIDs: who is not in -u is turned away, and serves himself.
func TestSharedUIDs(t *testing.T) {
	need.Root(t)
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	env, dir := material(t)
	open := scratchFolder(t)
	for _, name := range []string{"server.pem", "server.key"} {
		data, err := os.ReadFile(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(open+"/"+name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env = override(env, []string{"CERTFILE=" + open + "/server.pem", "KEYFILE=" + open + "/server.key", "CAFILE"})
	for _, c := range []struct {
		uids string
		mode os.FileMode
		uid  uint32
		code int // 0: through the daemon, 1: turned away, 111: not let near it
	}{
		{"", 0o600, 0, 0},
		{"", 0o600, 4321, 111},
		{"4321", 0o600, 4321, 0},
		{"4321", 0o600, 0, 1}, // root may connect, but was not named
		{"4321,0", 0o600, 0, 0},
		{"4321,4322", 0o666, 4322, 0},
		{"4321,4322", 0o666, 4323, 1},
	} {
		var args []string
		if c.uids != "" {
			args = []string{"-u", c.uids}
		}
		d, ok := startDaemon(t, spec{args: args, env: env})
		if !ok {
			t.Fatal(d.stderr())
		}
		st, err := os.Lstat(d.path)
		if err != nil || st.Mode().Perm() != c.mode {
			t.Errorf("-u %s: %v, %v", c.uids, st.Mode(), err)
		}
		peer, sock := network(t)
		// Which programs there are is seen from inside.
		x := start(t, spec{program: "s6-tlsd", args: []string{"--", "sh", "-c", "cat /proc/self/status; read line"}, env: append(append([]string{}, env...), "TLS_IOD="+d.path),
			files: map[int]*os.File{0: sock, 1: dup(t, sock)}, user: &syscall.Credential{Uid: c.uid, Gid: c.uid}})
		log := ""
		if c.code == 111 {
			x.expect(111, "s6-tlsd: fatal: unable to connect to "+d.path+": permission denied")
		} else {
			conn := handshake(t, peer)
			conn.Read(make([]byte, 1))
			if own(x.pid) != (c.code == 1) {
				t.Errorf("-u %s, uid %d: an -io: %v", c.uids, c.uid, own(x.pid))
			}
			want := ""
			if c.code == 1 {
				want = "s6-tlsd: warning: TLS_IOD: turned away at " + d.path + ": starting s6-tlsd-io"
				log = "s6-tlsd-iod: warning: uid " + strconv.Itoa(int(c.uid)) + " may not hand over connections (-u)"
			}
			conn.Close()
			x.code()
			expectLine(t, x.stderr(), want)
		}
		expectLine(t, d.stop(), log)
	}
}
