//go:build linux

package cli

import (
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/handover"
	"ucspitls/test/need"
)

// Whatever is wrong between a wrapper and the shared process weakens nothing.

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

// A hand is a test that speaks the protocol itself, and so has a session
// without a wrapper.
type hand struct {
	link     *link
	peer     *tap
	toProg   *os.File // what prog would read
	fromProg *os.File // what it would write
	notify   *os.File // the information blob
}

func (d *daemon) hand(env []string, peer *tap, sock *os.File) (*hand, error) {
	defer sock.Close()
	link, err := offer(d.t, d.path, handover.Session{ID: "1", Verbosity: 1}, env)
	if err != nil {
		return nil, err
	}
	h := &hand{link: link, peer: peer}
	inR, inW, err := ownPipe(1)
	if err != nil {
		return nil, err
	}
	outR, outW, err := ownPipe(0)
	if err != nil {
		return nil, err
	}
	blobR, blobW, err := ownPipe(1)
	if err != nil {
		return nil, err
	}
	n := int(sock.Fd())
	err = link.Send(n, int(outR.Fd()), int(inW.Fd()), int(blobW.Fd()))
	inW.Close()
	outR.Close()
	blobW.Close()
	h.toProg, h.fromProg, h.notify = inR, outW, blobR
	return h, err
}

// ownPipe makes a pipe of whose ends one is the tunnel's, as the wrappers do.
func ownPipe(tunnels int) (r, w *os.File, err error) {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	r, w = os.NewFile(uintptr(p[0]), "pipe"), os.NewFile(uintptr(p[1]), "pipe")
	r.Fd()
	w.Fd()
	return r, w, syscall.SetNonblock(p[tunnels], true)
}

func (h *hand) close() {
	h.fromProg.Close()
	h.toProg.Close()
	h.notify.Close()
	if h.link != nil {
		h.link.Close()
	}
	h.peer.Close()
}

// exchange is a whole session in which n bytes come back.
func (h *hand) exchange(n int) error {
	conn := tls.Client(h.peer, &tls.Config{InsecureSkipVerify: true})
	conn.SetDeadline(time.Now().Add(2 * patience))
	go func() { // prog, an echo
		io.Copy(h.fromProg, h.toProg)
		h.fromProg.Close()
	}()
	if err := conn.Handshake(); err != nil {
		return err
	}
	go func() {
		conn.Write(patternOf(n)[:n])
		conn.CloseWrite()
	}()
	var k checker
	if _, err := io.Copy(&k, conn); err != nil {
		return err
	}
	if k.Err != nil || k.N != int64(n) {
		return errors.New("got " + strconv.FormatInt(k.N, 10) + " bytes")
	}
	return conn.Close()
}

// TestSharedMany: thousands of sessions through one worker, and nothing is left of them.
func TestSharedMany(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before, threads := held(worker), len(tasks(t, worker))
	const total, atOnce = 2000, 50
	jobs := make(chan int)
	var team sync.WaitGroup
	for range atOnce {
		team.Add(1)
		go func() {
			defer team.Done()
			for n := range jobs {
				peer, sock, err := joined()
				var h *hand
				if err == nil {
					h, err = d.hand(env, peer, sock)
				}
				if err == nil {
					err = h.exchange(n % 3000)
					h.close()
				}
				if err != nil {
					t.Errorf("session %d: %v", n, err)
				}
			}
		}()
	}
	for n := range total {
		jobs <- n
	}
	close(jobs)
	team.Wait()
	eventuallyHeld(t, worker, before)
	if now := len(tasks(t, worker)); now > threads+4 {
		t.Errorf("%d threads, %d before", now, threads)
	}
	expectLine(t, d.stop(), "")
}

// held is how many sockets and pipes a process has. What the runtime opens for
// itself, at its leisure, is neither.
func held(pid int) (n int) {
	for _, link := range descriptors(pid) {
		if strings.HasPrefix(link, "socket:") || strings.HasPrefix(link, "pipe:") {
			n++
		}
	}
	return n
}

// eventuallyHeld waits until a process has so many again.
func eventuallyHeld(t *testing.T, pid, want int) {
	t.Helper()
	eventually(t, "descriptors that are closed", func() bool { return held(pid) == want })
}

// TestSharedHostile: a local client that may connect, and does not behave,
// takes nothing with it.
func TestSharedHostile(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before := held(worker)
	hello := firstMessage(t, handover.Session{ID: "7"}, env)
	regular, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	pair := func(kind int) [2]int {
		p, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(p[0]); syscall.Close(p[1]) })
		return p
	}
	r, w, err := ownPipe(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(epoll)
	stream, datagram := pair(syscall.SOCK_STREAM), pair(syscall.SOCK_DGRAM)
	rd, wr := int(r.Fd()), int(w.Fd())
	type message struct {
		text string
		fds  []int
	}
	many := make([]int, 60)
	for i := range many {
		many[i] = rd
	}
	for i, c := range []struct {
		messages []message
		end      string // what the daemon says behind go; "" if it hangs up without a word
	}{
		{[]message{{"", nil}}, ""},
		{[]message{{"garbage", nil}}, ""},
		{[]message{{string(hello[:len(hello)/2]), nil}}, ""},
		{[]message{{strings.Repeat("H\x01", 50000), nil}}, ""},
		{[]message{{string(hello), many}, {"Fnrw", []int{stream[0], rd, wr}}}, "ok"}, // those of the hello are dropped
		{[]message{{string(hello), nil}, {"Fnrw", nil}}, "not understood"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], rd}}}, "not understood"},
		{[]message{{string(hello), nil}, {"Fnrw", many}}, "not understood"},
		{[]message{{string(hello), nil}, {"F" + strings.Repeat("n", 60), many}}, "not understood"},
		{[]message{{string(hello), nil}, {strings.Repeat("F", 9000), []int{rd, rd}}}, "not understood"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{rd, rd, wr}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{datagram[0], rd, wr}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], int(regular.Fd()), wr}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], rd, int(dir.Fd())}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrwd", []int{stream[0], rd, wr, epoll}}}, "wrong kind"},
		{[]message{{string(hello), nil}, {"Fnrw", []int{stream[0], wr, rd}}}, "ok"}, // the wrong way round: its own loss
		{[]message{{string(hello), nil}, {"Fnrwd", []int{stream[0], stream[0], stream[0], stream[0]}}}, "ok"},
		{[]message{{string(hello), nil}, {string(hello), nil}}, "not understood"},
	} {
		n := dialPacket(t, d.path)
		for _, m := range c.messages {
			var rights []byte
			if m.fds != nil {
				rights = syscall.UnixRights(m.fds...)
			}
			syscall.Sendmsg(n, []byte(m.text), rights, nil, syscall.MSG_NOSIGNAL)
		}
		said := "|"
		for {
			var b [4096]byte
			m, _, err := syscall.Recvfrom(n, b[:], 0)
			if err == syscall.EINTR { // with a time limit it is not restarted
				continue
			}
			if m <= 0 || err != nil {
				break
			}
			said += string(b[:m]) + "|"
			if c.end == "ok" && strings.Contains(said, "|G|") {
				break
			}
		}
		syscall.Close(n)
		if c.end != "" && c.end != "ok" && !strings.Contains(said, c.end) || c.end == "ok" && !strings.Contains(said, "|G|") || c.end == "" && (strings.Contains(said, "|G") || strings.Contains(said, "|E")) {
			t.Errorf("%d: it said %q", i, said)
		}
	}
	// Silent ones are many, and are hung up on; others still have their turn.
	var silent []int
	for range 300 {
		silent = append(silent, dialPacket(t, d.path))
	}
	half := dialPacket(t, d.path)
	syscall.Sendto(half, hello, 0, nil)
	x, a, c := through(t, "s6-tlsd", nil, env)
	chats(t, a, c)
	if log := x.written(); log != "" && !strings.Contains(log, "no answer") {
		t.Errorf("stderr %q", log)
	}
	a.exit(0)
	c.Close()
	x.code()
	for _, n := range append(silent, half) {
		syscall.Recvfrom(n, make([]byte, 100), 0)
		syscall.Close(n)
	}
	eventuallyHeld(t, worker, before)
	syscall.Kill(d.pid, syscall.SIGTERM)
	d.code()
}

func dialPacket(t *testing.T, path string) int {
	t.Helper()
	n, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		syscall.SetsockoptTimeval(n, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 10})
		err = syscall.Connect(n, &syscall.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSharedDeserted: the end of the waiting process is the end of its session.
func TestSharedDeserted(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP} {
		x, a, c := through(t, "s6-ucspitlsd", nil, env)
		waiting := 0
		for _, n := range children(x.pid) {
			waiting = n
		}
		syscall.Kill(waiting, signal)
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the peer read something")
		}
		a.expectEnd(a.rd, "")
		a.expectFault(1, "broken pipe")
		a.expectWait(128 + int(signal))
		a.exit(0)
		x.expect(0, "")
	}
	expectLine(t, d.stop(), "")
}

// listening counts the workers that do.
func (d *daemon) listening() (n int) {
	const listener = 3
	ofSupervisor := slices.Collect(maps.Values(descriptors(d.pid)))
	for _, pid := range children(d.pid) {
		if slices.Contains(ofSupervisor, descriptors(pid)[listener]) {
			n++
		}
	}
	return n
}

// TestSharedBusy: a worker without room for a session says so, and the wrapper
// serves itself; another worker takes its place meanwhile, and each serves what
// it has.
func TestSharedBusy(t *testing.T) {
	t.Parallel()
	chainOnly(t, "this one is started by the test")
	env, _ := material(t)
	sh := need.Program(t, "sh", "dash")
	path := filepath.Join(socketDir(t, nil), "s")
	d := &daemon{path: path, process: start(t, spec{program: sh, args: []string{"-c", `ulimit -n 333 && exec "$0" -v2 -d1 "$1"`, filepath.Join(bin, "s6-tlsd-iod"), path}, env: env,
		files: map[int]*os.File{0: devNull(t)}, stdout: true})}
	if !d.ready() {
		t.Fatal("not ready")
	}
	env = append(env, "TLS_IOD="+path)
	var sessions []func()
	var busy []int
	for i := range 8 {
		eventually(t, "another worker", func() bool { return strings.Count(d.written(), " serves ") == 1+len(busy) })
		// A full one may still take a connection until it hears of it.
		eventually(t, "the full worker to stop listening", func() bool { return d.listening() <= 1 })
		x, a, c := through(t, "s6-ucspitlsd", nil, env)
		line := ""
		if own(x.pid) {
			busy = append(busy, i)
			line = "s6-ucspitlsd: warning: TLS_IOD: the shared process is busy: starting s6-tlsd-io"
		}
		sessions = append(sessions, func() {
			chats(t, a, c)
			a.exit(0)
			c.Close()
			x.expect(0, line)
		})
	}
	for _, end := range sessions {
		end()
	}
	// 333 - 320 is room for two: 6 each to begin with, 4 later.
	if len(busy) != 2 || busy[0] != 2 || busy[1] != 5 {
		t.Errorf("%d were not taken", busy)
	}
	if got := d.written(); !strings.Contains(got, "is full: starting another") {
		t.Errorf("%s", got)
	}
	d.stop()
}
