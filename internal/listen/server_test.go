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

	"golang.org/x/net/dns/dnsmessage"

	"ucspitls/internal/line"
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

func TestLookups(t *testing.T) {
	local := "1.0.0.127.in-addr.arpa."
	records := map[string][]string{local: {"PTR here.example."}, "here.example.": {"127.0.0.1"}}
	forged := map[string][]string{local: {"PTR here.example."}, "here.example.": {"127.0.0.7"}}
	silent := func(string, bool, dnsmessage.Question) resolvetest.Behaviour { return resolvetest.Silent }
	failing := func(string, bool, dnsmessage.Question) resolvetest.Behaviour { return resolvetest.Failure }
	user := func(q string) string {
		return strings.TrimSuffix(q, "\r\n") + " : USERID : UNIX : joe\r\n"
	}
	refuse := func(q string) string {
		return strings.TrimSuffix(q, "\r\n") + " : ERROR : HIDDEN-USER\r\n"
	}
	mute := func(string) string { return "" }
	like := func(name string) map[string][]string { return map[string][]string{local: {"PTR " + name}} }
	for _, c := range []struct {
		name, opts, hosts  string
		records            map[string][]string
		answer             func(string, bool, dnsmessage.Question) resolvetest.Behaviour
		ident              func(string) string
		remote, here, info string
		end                string // the connection is dropped, and how its child ends
		asked              bool
	}{
		{name: "default", records: records, remote: "here.example", here: "here.example", asked: true},
		{name: "no DNS", opts: "-H", records: records},
		{name: "last one wins", opts: "-H --dns", records: records, remote: "here.example", here: "here.example", asked: true},
		{name: "local name", opts: "-l me.example", records: records, remote: "here.example", here: "me.example", asked: true},
		{name: "local name without DNS", opts: "-Hl me.example", records: records, here: "me.example"},
		{name: "unknown", asked: true},
		{name: "unknown is not an error", opts: "-w", asked: true},
		{name: "hosts", opts: "-h", hosts: "127.0.0.1 inhosts\n", records: records, remote: "inhosts", here: "inhosts"},
		{name: "no hosts", opts: "-h --no-hosts", hosts: "127.0.0.1 inhosts\n", records: records, remote: "here.example", here: "here.example", asked: true},
		{name: "hosts ignored", hosts: "127.0.0.1 inhosts\n", records: records, remote: "here.example", here: "here.example", asked: true},
		{name: "paranoid", opts: "-p", records: records, remote: "here.example", here: "here.example", asked: true},
		{name: "paranoid mismatch", opts: "-p", records: forged, here: "here.example", asked: true},
		{name: "paranoid off", opts: "-pP", records: forged, remote: "here.example", here: "here.example", asked: true},
		{name: "paranoid and strict", opts: "-pw", records: forged, end: "exitcode 111", asked: true},
		{name: "paranoid, from hosts", opts: "-phw", hosts: "127.0.0.1 inhosts\n", records: forged, remote: "inhosts", here: "inhosts"},
		{name: "failure", answer: failing, asked: true},
		{name: "strict failure", opts: "-w", answer: failing, end: "exitcode 111", asked: true},
		{name: "not strict", opts: "-wW", answer: failing, asked: true},
		{name: "silence", opts: "-t 200", answer: silent, asked: true},
		{name: "strict silence", opts: "-t 200 -w", answer: silent, end: "exitcode 99", asked: true},
		{name: "a name like an option", records: like("-rf."), asked: true},
		{name: "a name like an address", records: like("127."), asked: true},
		{name: "a name like an option, strict", opts: "-w", records: like("-rf."), end: "exitcode 111", asked: true},
		{name: "ident", opts: "-Hr", ident: user, info: "joe"},
		{name: "ident like an option", opts: "-Hr", ident: func(q string) string { return strings.Replace(user(q), "joe", "-rf", 1) }},
		{name: "no ident", opts: "-HrR", ident: user},
		{name: "ident and DNS", opts: "-r", records: records, ident: user, remote: "here.example", here: "here.example", info: "joe", asked: true},
		{name: "ident refused", opts: "-Hr", ident: refuse},
		{name: "ident refused, strict", opts: "-Hrw", ident: refuse, end: "exitcode 2"},
		{name: "ident silent", opts: "-Hr -t 200", ident: mute},
		{name: "ident silent, strict", opts: "-Hrw -t 200", ident: mute, end: "exitcode 99"},
		{name: "no ident server", opts: "-Hr"},
		{name: "no ident server, strict", opts: "-Hrw", end: "exitcode 111"},
	} {
		t.Run(c.name, func(t *testing.T) {
			world.Files(t, "", c.hosts)
			world.DNS.Set(c.records)
			world.DNS.Behave(c.answer)
			if c.ident != nil {
				resolvetest.Ident(t, world.IdentPort, c.ident)
			}
			p := start(t, "-v "+c.opts, "env")
			if c.end != "" {
				if b, _ := io.ReadAll(p.tcp()); len(b) > 0 {
					t.Errorf("got %q", b)
				}
				p.expect(0, "info: deny pid ", " ip 127.0.0.1")
				p.expect(0, "end pid ", c.end+" count")
			} else {
				env := p.environment()
				for name, want := range map[string]string{"TCPREMOTEHOST": c.remote, "TCPLOCALHOST": c.here, "TCPREMOTEINFO": c.info} {
					if got, set := env[name]; got != want || set != (want != "") {
						t.Errorf("%s=%q, %v; want %q", name, got, set, want)
					}
				}
			}
			if asked := len(world.DNS.Asked()) > 0; asked != c.asked {
				t.Errorf("asked the DNS: %v", world.DNS.Asked())
			}
		})
	}
}

// What an IDENT server says instead of a user makes no line, and none is longer
// than a line may be.
func TestLinesOfIdent(t *testing.T) {
	const forged = "s6-tlsserver: info: allow pid 1 ip 1.2.3.4"
	for _, reason := range []string{"NO-USER", "a\r" + forged, "\x1b[2J", "a\x00b", "\x7f", "\x9b31m", "\u009b31m", "\u202e", "\xff\xfe", strings.Repeat("a", 900) + forged,
		strings.Repeat("\x01", 1000), "a\n" + forged} {
		t.Run("", func(t *testing.T) {
			resolvetest.Ident(t, world.IdentPort, func(q string) string {
				return strings.TrimSuffix(q, "\r\n") + " : ERROR : " + reason + "\r\n"
			})
			p := start(t, "-v -Hrw", "env")
			io.ReadAll(p.tcp())
			p.expect(0, "unable to look up the remote user for ip 127.0.0.1: the IDENT server replied ")
			p.expect(0, "end pid ", "exitcode 2")
			replied := 0
			for said := range strings.Lines(p.log()) {
				if strings.Contains(said, " replied ") {
					replied++
				}
				if strings.HasPrefix(said, "info: allow ") || len("s6-tlsserver: "+said) > line.Max || strings.ContainsFunc(strings.TrimSuffix(said, "\n"), func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("%q", said)
				}
			}
			if replied != 1 {
				t.Errorf("%d lines", replied)
			}
		})
	}
}

// A connection whose look-ups take long holds up no other, and outlives the server.
func TestSlowLookups(t *testing.T) {
	world.Files(t, "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n", "")
	world.DNS.Behave(func(_ string, _ bool, q dnsmessage.Question) resolvetest.Behaviour {
		if strings.HasPrefix(q.Name.String(), "8.0.0.127.") {
			return resolvetest.Silent
		}
		return resolvetest.Records
	})
	p := start(t, "-v", "env")
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 8)}}
	slow, err := d.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, n := p.expect(0, "accept 127.0.0.8_")
	wait.Eventually(t, "a query", func() bool { return len(world.DNS.Asked()) > 0 })
	if got := p.environment()["TCPREMOTEIP"]; got != "127.0.0.1" {
		t.Errorf("TCPREMOTEIP=%s", got)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 || strings.Contains(p.log(), "allow pid 127.0.0.8") {
		t.Errorf("exit %d\n%s", code, p.log())
	}
	world.DNS.Set(map[string][]string{"8.0.0.127.in-addr.arpa.": {"PTR slow.example."}})
	c := tls.Client(slow, p.config())
	b, _ := io.ReadAll(c)
	if !strings.Contains(string(b), "TCPREMOTEHOST=slow.example\n") {
		t.Errorf("got %q", b)
	}
	p.expect(n, "allow pid ", " ip 127.0.0.8")
}
