package listen

import (
	"crypto/tls"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/internal/resolve/resolvetest"
	lab "ucspitls/test/lab/launch"
	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
	"ucspitls/test/need"
)

// tcpVariables is the part of an environment that describes the connection.
func tcpVariables(env map[string]string) map[string]string {
	kept := maps.Clone(env)
	maps.DeleteFunc(kept, func(name, _ string) bool { return name != "PROTO" && !strings.HasPrefix(name, "TCP") })
	return kept
}

func TestEnvironment(t *testing.T) {
	for ip, family := range map[string]string{"127.0.0.1": "tcp4", "::1": "tcp6"} {
		p := boot(t, command(t, []string{"-H", "-v"}, ip, "env"), ip)
		p.expect(0, "info: starting - bound to ip "+ip+" port "+p.port)
		raw, err := net.Dial(family, net.JoinHostPort(ip, p.port))
		if err != nil {
			t.Fatal(err)
		}
		c := tls.Client(raw, p.config())
		b, _ := io.ReadAll(c)
		_, local, _ := net.SplitHostPort(c.LocalAddr().String())
		c.Close()
		env := resolvetest.Environ(string(b))
		want := map[string]string{"PROTO": "TCP", "TCPREMOTEIP": ip, "TCPREMOTEPORT": local, "TCPLOCALIP": ip, "TCPLOCALPORT": p.port, "TCPCONNNUM": "0"}
		if got := tcpVariables(env); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if env["SSL_PROTOCOL"] != "TLSv1.3" || env["CERTFILE"] != "" {
			t.Errorf("SSL_PROTOCOL %q, CERTFILE %q", env["SSL_PROTOCOL"], env["CERTFILE"])
		}
	}
}

// :: takes no IPv4 connections, so that a second process can.
func TestIPv6Only(t *testing.T) {
	p := boot(t, command(t, []string{"-H"}, "::", "env"), "::1")
	if c, err := net.Dial("tcp4", "127.0.0.1:"+p.port); err == nil {
		c.Close()
		t.Error(":: accepts IPv4")
	}
	if got := p.environment()["TCPLOCALIP"]; got != "::1" {
		t.Errorf("TCPLOCALIP=%s", got)
	}
}

func TestLines(t *testing.T) {
	p := start(t, "-H -v -c 7 -C 3", "sh", "-c", "exit 3")
	_, n := p.expect(0, "info: status: 0/7")
	p.fetch()
	line, n := p.expect(n, "info: accept 127.0.0.1_", " pid ", " count 1/3")
	pid := strings.Fields(line)[4]
	_, n = p.expect(n, "info: status: 1/7")
	_, n = p.expect(n, "info: end pid "+pid+" exitcode 3 count 0/3")
	_, n = p.expect(n, "info: status: 0/7")

	c := p.session()
	line, n = p.expect(n, "info: accept 127.0.0.1_")
	c.Close()
	if line == "" {
		t.Error("no line")
	}
	_, n = p.expect(n, "info: end pid ")
	p.signal(syscall.SIGTERM)
	_, n = p.expect(n, "info: received SIGTERM, quitting")
	p.expect(n, "info: exiting")
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestVerbosity(t *testing.T) {
	for opts, c := range map[string]struct{ allow, events bool }{
		"-q -H -l me":    {false, false},
		"-H -l me":       {true, false},
		"-v -Q -H -l me": {true, false},
		"-q -v -H -l me": {true, true},
		"-H":             {false, false}, // nothing to check access for
		"--quiet":        {false, false},
		"--verbose":      {true, true},
		"":               {true, false}, // look-ups
	} {
		p := start(t, opts, "true")
		p.fetch()
		p.signal(syscall.SIGTERM)
		wait.For(t, p.Silent, "the end of stderr")
		log := p.log()
		if got := strings.Contains(log, "info: allow pid ") && strings.Contains(log, " ip 127.0.0.1"); got != c.allow {
			t.Errorf("%s: allow %v\n%s", opts, got, log)
		}
		if got := strings.Contains(log, "info: accept "); got != c.events {
			t.Errorf("%s: events %v\n%s", opts, got, log)
		}
	}
}

// -c: at the limit nothing is accepted, and what waits is served later.
func TestGlobalLimit(t *testing.T) {
	p := start(t, "-H -v -c 0", "cat") // 0 counts as 1
	first := p.session()
	_, n := p.expect(0, "status: 1/1")
	served := make(chan string)
	go func() {
		c, err := p.dial()
		if err != nil {
			served <- err.Error()
			return
		}
		defer c.Close()
		io.WriteString(c, "hello")
		c.CloseWrite()
		b, _ := io.ReadAll(c)
		served <- string(b)
	}()
	waiting := p.tcp() // the kernel connects it, nobody accepts it
	io.WriteString(waiting, "x")
	select {
	case got := <-served:
		t.Fatalf("served beyond the limit: %s", got)
	default:
	}
	waiting.Close()
	first.Close()
	_, n = p.expect(n, "status: 0/1")
	if got := <-served; got != "hello" {
		t.Errorf("got %q", got)
	}
	p.expect(n, "status: 1/1")
	if strings.Contains(p.log(), "/1\ninfo: status: 2") {
		t.Error(p.log())
	}
}

// -C: one address may not take all; the others are served.
func TestLocalLimit(t *testing.T) {
	p := start(t, "-H -c 3 -C 1", "env")
	hold := p.tcp()
	// A reject line needs an accepted connection before it: TCPCONNNUM 0.
	second := p.tcp()
	if b, err := io.ReadAll(second); len(b) > 0 || err != nil {
		t.Errorf("a rejected connection: %q, %v", b, err)
	}
	line, _ := p.expect(0, "info: reject 127.0.0.1_", " count 1/1")
	if _, port, _ := net.SplitHostPort(second.LocalAddr().String()); !strings.Contains(line, "_"+port+" ") {
		t.Error(line)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	raw, err := d.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, p.config())
	defer c.Close()
	if b, _ := io.ReadAll(c); !strings.Contains(string(b), "TCPREMOTEIP=127.0.0.9\n") {
		t.Errorf("another address: %q", b)
	}
	hold.Close()
}

func TestConnNum(t *testing.T) {
	p := start(t, "-H", "sh", "-c", "echo $TCPCONNNUM; cat")
	for want := range 3 {
		c := p.session()
		buf := make([]byte, 2)
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != strconv.Itoa(want)+"\n" {
			t.Errorf("got %q, %v; want %d", buf, err, want)
		}
	}
}

func TestSignals(t *testing.T) {
	for _, c := range []struct {
		sig   syscall.Signal
		line  string
		ended string // of the child, if the server lives on
		alive bool   // the session
	}{
		{syscall.SIGTERM, "received SIGTERM, quitting", "", true},
		{syscall.SIGQUIT, "received SIGQUIT, sending SIGTERM and SIGCONT to all connections and quitting", "", false},
		{syscall.SIGABRT, "received SIGABRT, sending SIGKILL to all connections and quitting", "", false},
		{syscall.SIGHUP, "received SIGHUP, sending SIGTERM and SIGCONT to all connections", "signal 15", false},
	} {
		t.Run(c.sig.String(), func(t *testing.T) {
			p := start(t, "-H -v", "sh", "-c", "echo ready; exec cat")
			s := p.session()
			buf := make([]byte, 6)
			if _, err := io.ReadFull(s, buf); err != nil {
				t.Fatal(err)
			}
			p.signal(c.sig)
			_, n := p.expect(0, "info: "+c.line)
			if c.ended != "" {
				p.expect(n, "info: end pid ", " "+c.ended+" count 0/40")
				p.fetchPrefix("ready\n")
			} else {
				p.expect(n, "info: exiting")
				if code := p.exit(); code != 0 {
					t.Errorf("exit %d", code)
				}
			}
			io.WriteString(s, "still there\n")
			_, err := io.ReadFull(s, make([]byte, 12))
			if (err == nil) != c.alive {
				t.Errorf("session alive: %v", err)
			}
		})
	}
}

// fetchPrefix opens a session and reads what it begins with.
func (p *process) fetchPrefix(want string) {
	p.t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(p.session(), buf); err != nil || string(buf) != want {
		p.t.Errorf("got %q, %v", buf, err)
	}
}

// A stopped child gets SIGCONT too, or SIGTERM would wait.
func TestHangupContinues(t *testing.T) {
	p := start(t, "-H -v", "sh", "-c", "echo $$; exec cat")
	s := p.session()
	buf := make([]byte, 20)
	n, err := s.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.expect(0, "end pid "+strconv.Itoa(pid)+" signal 15")
}

// A restart binds at once while old sessions live, and they go on.
func TestRestart(t *testing.T) {
	first := start(t, "-H", "cat")
	s := first.session()
	io.WriteString(s, "a")
	io.ReadFull(s, make([]byte, 1))
	first.signal(syscall.SIGTERM)
	if code := first.exit(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	cmd := command(t, []string{"-H"}, "127.0.0.1", "cat")
	for i, arg := range cmd.Argv {
		if arg == "0" {
			cmd.Argv[i] = first.port
		}
	}
	second := boot(t, cmd, "127.0.0.1")
	second.session()
	io.WriteString(s, "b")
	if b := make([]byte, 1); func() bool { _, err := io.ReadFull(s, b); return err != nil || b[0] != 'b' }() {
		t.Error("the old session is gone")
	}
}

func TestStandardDescriptors(t *testing.T) {
	p := start(t, "-H", "true") // boot has read stdout to its end
	for fd, want := range []string{"/dev/null", "/dev/null"} {
		if got := proc.Descriptors(p.Pid)[fd]; got != want {
			t.Errorf("%d is %s", fd, got)
		}
	}
}

// prog gets the descriptors that the server was started with and no others.
func TestInheritedDescriptors(t *testing.T) {
	const list = "ls /proc/self/fd"
	files := func() map[int]*os.File { return map[int]*os.File{0: lab.Null(), 3: lab.Null(), 4: lab.Null()} }
	direct := lab.Output(t, lab.Spec{Argv: []string{"sh", "-c", list}, Env: os.Environ(), Files: files()})
	if direct.Code != 0 {
		need.Missing(t, "/proc", direct.Stderr)
	}
	for _, opts := range []string{"-H", ""} {
		cmd := command(t, strings.Fields(opts), "127.0.0.1", "sh", "-c", list)
		cmd.Files = files()
		if got := boot(t, cmd, "127.0.0.1").fetch(); got != direct.Stdout {
			t.Errorf("%q: got %q, want %q", opts, got, direct.Stdout)
		}
	}
}

// As pid 1 it reaps orphans that it has never started, and obeys its signals.
func TestPID1(t *testing.T) {
	need.Root(t)
	if err := exec.Command("unshare", "-pf", "true").Run(); err != nil {
		need.Missing(t, "unshare -pf", err.Error())
	}
	cmd := command(t, []string{"-v", "-H"}, "127.0.0.1", "sh", "-c", "(sleep 0.2; echo orphan >&2) & echo done")
	cmd.Argv = append([]string{"unshare", "-pf", "--kill-child"}, cmd.Argv...)
	cmd.Path = need.Program(t, "unshare", "util-linux")
	p := boot(t, cmd, "127.0.0.1")
	for range 3 {
		if got := p.fetch(); got != "done\n" {
			t.Errorf("got %q", got)
		}
	}
	n := 0
	for range 3 {
		_, n = p.expect(n, "orphan")
	}
	server := proc.Children(p.Pid)[0]
	// A last connection, so that all earlier ends have been seen.
	p.fetch()
	p.expect(n, "status: 0/40")
	wait.Eventually(t, "the end of all children", func() bool { return len(proc.Children(server)) == 0 })
	syscall.Kill(server, syscall.SIGTERM)
	p.expect(n, "received SIGTERM, quitting")
	if code := p.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
}
