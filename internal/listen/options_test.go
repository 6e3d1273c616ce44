package listen

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/entry/entrytest"
	"ucspitls/internal/resolve/resolvetest"
	lab "ucspitls/test/lab/launch"
	"ucspitls/test/lab/proc"
	"ucspitls/test/need"
)

// fails runs s6-tlsserver, which must end by itself, with that PATH, and gives
// its exit code and stderr.
func fails(t *testing.T, path string, argv ...string) (int, string) {
	t.Helper()
	r := lab.Output(t, lab.Spec{Argv: argv, Env: []string{"PATH=" + path}})
	return r.Code, strings.TrimSpace(r.Stderr)
}

func TestRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, c := range []struct {
		args string
		code int
		text string
	}{
		{"", 100, "s6-tlsserver: usage: s6-tlsserver [ -L ] [ -q | -Q | -v ]"},
		{"127.0.0.1 0", 100, "s6-tlsserver: usage: "},
		{"-! 127.0.0.1 0 true", 100, "fatal: unrecognized short option: !"},
		{"--nope 127.0.0.1 0 true", 100, "fatal: unrecognized boolean option: --nope"},
		{"--verbose=2 127.0.0.1 0 true", 100, "fatal: unrecognized option with argument: --verbose=2"},
		{"-c x 127.0.0.1 0 true", 100, "fatal: global-max-connections must be an unsigned integer"},
		{"-C x 127.0.0.1 0 true", 100, "fatal: local-max-connections must be an unsigned integer"},
		{"-b x 127.0.0.1 0 true", 100, "fatal: backlog must be an unsigned integer"},
		{"-t x 127.0.0.1 0 true", 100, "fatal: timeout must be an unsigned integer"},
		{"-K x 127.0.0.1 0 true", 100, "fatal: handshake-timeout must be an unsigned integer"},
		{"-k x 127.0.0.1 0 true", 100, "fatal: sni-level must be an unsigned integer"},
		{"-u x 127.0.0.1 0 true", 100, "fatal: uid must be an unsigned integer"},
		{"-U 127.0.0.1 0 true", 100, "fatal: UID not set, but --envuidgid given"},
		{"-g x 127.0.0.1 0 true", 100, "fatal: gid must be an unsigned integer"},
		{"-G x 127.0.0.1 0 true", 100, "fatal: gidlist must be a comma list of unsigned integers"},
		{"-B " + strings.Repeat("x", 1025) + " 127.0.0.1 0 true", 100, "fatal: banner must not be longer than 1024 bytes"},
		{"-c -- 127.0.0.1 0 true", 100, "fatal: option -c needs an argument: maxconn"},
		{"localhost 0 true", 100, "fatal: invalid IP address: localhost"},
		{"127.0.0.1 65536 true", 100, "fatal: invalid port number: 65536"},
		{"127.0.0.1 http true", 100, "fatal: invalid port number: http"},
		{"-L 127.0.0.1 0 true", 96, "fatal: -L: not built yet"},
		{"--proxy 127.0.0.1 0 true", 96, "fatal: -L: not built yet"},
		{"-i a -x b 127.0.0.1 0 true", 100, "fatal: -i and -x can't be used together"},
		{"-i rules 127.0.0.1 0 true", 127, "fatal: unable to exec s6-tcpserver-access, which -i and -x need: no such file or directory"},
		{"-x rules.cdb 127.0.0.1 0 true", 127, "fatal: unable to exec s6-tcpserver-access"},
		{"127.0.0.1 " + port + " true", 111, "fatal: unable to listen on ip 127.0.0.1 port " + port + ": address already in use"},
		{"192.0.2.1 0 true", 111, "fatal: unable to listen on ip 192.0.2.1 port 0: cannot assign requested address"},
	} {
		if code, text := fails(t, "/nonexistent", append([]string{world.Bin + "/s6-tlsserver"}, strings.Fields(c.args)...)...); code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s: exit %d, %s", c.args, code, text)
		}
	}
}

// Without its sibling the server says so and does not start.
func TestNoSibling(t *testing.T) {
	for opt, name := range map[string]string{"-q": "s6-tlsd", "--delayed": "s6-ucspitlsd"} {
		for _, way := range entrytest.Unrunnable[:2] {
			alone := filepath.Join(t.TempDir(), "s6-tlsserver")
			if err := entrytest.CopyProgram(alone, world.Bin+"/s6-tlsserver"); err != nil {
				t.Fatal(err)
			}
			sibling := filepath.Dir(alone) + "/" + name
			if err := way.Make(sibling); err != nil {
				t.Fatal(err)
			}
			code, text := fails(t, os.Getenv("PATH"), alone, opt, "127.0.0.1", "0", "true")
			if want := "cannot run " + sibling + ": " + way.Why.Error(); code != way.Code || !strings.Contains(text, want) {
				t.Errorf("%s: exit %d, %s", way.Name, code, text)
			}
		}
	}
}

// The same of the program behind -i and -x.
func TestNoChecker(t *testing.T) {
	for _, way := range entrytest.Unrunnable[:2] {
		dir := t.TempDir()
		if err := way.Make(filepath.Join(dir, "s6-tcpserver-access")); err != nil {
			t.Fatal(err)
		}
		code, text := fails(t, dir, world.Bin+"/s6-tlsserver", "-i", "rules", "127.0.0.1", "0", "true")
		if want := "unable to exec s6-tcpserver-access, which -i and -x need: " + way.Why.Error(); code != way.Code || !strings.Contains(text, want) {
			t.Errorf("%s: exit %d, %s", way.Name, code, text)
		}
	}
}

// A wrapper that goes away later: the connection ends, the server goes on.
func TestLostSibling(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"s6-tlsserver", "s6-tlsd"} {
		if err := entrytest.CopyProgram(filepath.Join(dir, name), filepath.Join(world.Bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, opts := range []string{"-Hv", "-v"} {
		cmd := command(t, []string{opts}, "127.0.0.1", "true")
		cmd.Path = filepath.Join(dir, "s6-tlsserver")
		p := boot(t, cmd, "127.0.0.1")
		if err := os.Rename(filepath.Join(dir, "s6-tlsd"), filepath.Join(dir, "x")); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, way := range entrytest.Unrunnable {
			if err := way.Make(filepath.Join(dir, "s6-tlsd")); err != nil {
				t.Fatal(err)
			}
			io.ReadAll(p.tcp())
			_, n = p.expect(n, "fatal: cannot run "+dir+"/s6-tlsd")
			_, n = p.expect(n, "end pid ", fmt.Sprintf(" exitcode %d ", way.Code))
			os.RemoveAll(filepath.Join(dir, "s6-tlsd"))
		}
		os.Rename(filepath.Join(dir, "x"), filepath.Join(dir, "s6-tlsd"))
	}
}

func TestShow(t *testing.T) { world.Show(t, "s6-tlsserver", " [ -L ]") }

// A stand-in for s6-tcpserver-access writes down its words and goes on.
func TestAccessRules(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n" + `for w; do echo "$w"; done > ` + dir + "/words\n" +
		`echo "$TCPREMOTEIP $TCPCONNNUM ${TCPREMOTEHOST-unset}" > ` + dir + "/env\n" +
		`while [ "$1" != -- ]; do shift; done; shift; ADDED=yes exec "$@"` + "\n"
	if err := entrytest.WriteProgram(dir+"/s6-tcpserver-access", []byte(script)); err != nil {
		t.Fatal(err)
	}
	for opts, want := range map[string]string{
		"-i /rules": "-i /rules --",
		"-x /r.cdb": "-x /r.cdb --",
		"-v -w -D -H -h -r -p -l me -B hi -t 500 -i /rules":           "-v2 -w -D -H -h -r -p -l me -B hi -t 500 -i /rules --",
		"-q -W -d --dns --no-hosts -R -P -J -K 5000 --sni -x /r":      "-v0 -x /r --",
		"-wW -Dd -H --dns -h --no-hosts -rR -pP -vQ -x /r --no-nagle": "-D -x /r --",
	} {
		cmd := command(t, strings.Fields(opts), "127.0.0.1", "env")
		cmd.Env = append([]string{"PATH=" + dir + ":" + os.Getenv("PATH")}, cmd.Env...) // the first one counts
		p := boot(t, cmd, "127.0.0.1")
		if strings.Contains(opts, "-B") {
			p.tcp() // it is not the stand-in's job to send the banner, nor the server's now
		}
		if env := p.environment(); env["ADDED"] != "yes" || env["SSL_PROTOCOL"] == "" {
			t.Errorf("%s: %v", opts, env)
		}
		b, _ := os.ReadFile(dir + "/words")
		words := strings.ReplaceAll(string(b), "\n", " ")
		if !strings.HasPrefix(words, want+" "+world.Bin+"/s6-tlsd ") || !strings.HasSuffix(words, " -- env ") {
			t.Errorf("%s: %s", opts, words)
		}
		b, _ = os.ReadFile(dir + "/env")
		if !strings.HasPrefix(string(b), "127.0.0.1 ") || !strings.HasSuffix(string(b), " unset\n") && !strings.Contains(opts, "-l") {
			t.Errorf("%s: %s", opts, b)
		}
	}
}

func TestBanner(t *testing.T) {
	p := start(t, "--delayed -H -B 220-early", "sh", "-c", "echo; echo late")
	if b, err := io.ReadAll(p.tcp()); string(b) != "220-early\nlate\n" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
}

// --delayed: prog has the connection in cleartext and says when TLS starts.
func TestDelayed(t *testing.T) {
	for _, opts := range []string{"--delayed -H", "--delayed"} {
		p := start(t, opts, "sh", "-c", `echo hello; read x; eval "printf y >&$SSLCTLFD"; eval "exec cat <&$SSLREADFD >&$SSLWRITEFD"`)
		c := p.tcp()
		buf := make([]byte, 6)
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello\n" {
			t.Fatalf("got %q, %v", buf, err)
		}
		io.WriteString(c, "starttls\n")
		s := tls.Client(c, p.config())
		io.WriteString(s, "secret")
		s.CloseWrite()
		if b, _ := io.ReadAll(s); string(b) != "secret" {
			t.Errorf("%s: got %q", opts, b)
		}
	}
}

func TestNagle(t *testing.T) {
	// A TLS client is not needed: prog of --delayed has the socket itself.
	for opts, want := range map[string]string{"-H": "0", "-HD": "1", "-HDd": "0", "-D": "1", "-H --no-nagle": "1", "-H -D --nagle": "0"} {
		p := start(t, "--delayed "+opts, os.Args[0], "-test.run=^$", helper+"nodelay")
		if b, err := io.ReadAll(p.tcp()); string(b) != want || err != nil {
			t.Errorf("%s: %q, %v", opts, b, err)
		}
	}
}

// helper as an argument turns the test program into a prog.
const helper = "prog="

func init() {
	if len(os.Args) > 0 && os.Args[len(os.Args)-1] == helper+"nodelay" {
		n, err := syscall.GetsockoptInt(0, syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		if err != nil {
			n = -1
		}
		os.Stdout.WriteString(strconv.Itoa(n))
		os.Exit(0)
	}
}

func TestBacklog(t *testing.T) {
	ss := need.Program(t, "ss", "iproute2")
	kernel, _ := os.ReadFile("/proc/sys/net/core/somaxconn")
	for opts, want := range map[string]string{"-H": strings.TrimSpace(string(kernel)), "-H -b 17": "17", "-H --backlog=18": "18"} {
		p := start(t, opts, "true")
		out, err := exec.Command(ss, "-Hltn", "sport = :"+p.port).Output()
		if f := strings.Fields(string(out)); err != nil || len(f) < 3 || f[2] != want {
			t.Errorf("%s: %s, %v", opts, out, err)
		}
	}
}

// What is for the TLS process arrives there.
func TestTLSOptions(t *testing.T) {
	p := start(t, "-H -y -S -K 500 -Z", "env")
	if _, err := io.ReadAll(p.tcp()); err != nil { // -K: a silent client
		t.Error(err)
	}
	p.expect(0, "s6-tlsd-io: fatal: ", "handshake timed out")
	config := p.config()
	config.Certificates = []tls.Certificate{p.pki.Client(pki.P256).TLS()}
	c, err := tls.Dial("tcp", "127.0.0.1:"+p.port, config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(c) // -S: a close_notify, so no error
	if err != nil || !strings.Contains(string(b), "SSL_PEER_CERT_HASH=SHA256:") || !strings.Contains(string(b), "\nCERTFILE=") {
		t.Errorf("%q, %v", b, err)
	}
	if c, err := p.dial(); err == nil { // TLS 1.3: the refusal comes with the first read
		if _, err := io.ReadAll(c); err == nil {
			t.Error("-y: no certificate, and no error")
		}
		c.Close()
	}
	for _, opt := range []string{"-Hk2", "-H --mandatory-sni"} { // there is no pair for it
		p = start(t, opt, "true")
		p.dial()
		p.expect(0, "s6-tlsd-io: fatal: no CERTFILE:name")
	}
}

// ids of prog, and those of the TLS process.
func TestIDs(t *testing.T) {
	need.Root(t)
	const show = "id -u; id -g; id -G; env"
	for _, c := range []struct {
		opts, env string
		want      string
	}{
		{"-H -u 1234 -g 1235 -G 1236,1237", "", "1234 1235 1235 1236 1237"},
		{"-H --uid=1234 --gid=1235 --gidlist=", "", "1234 1235 1235"},
		{"-H -U", "UID=2234 GID=2235 GIDLIST=2236", "2234 2235 2235 2236"},
		{"--envuidgid", "UID=2234 GID=2235 GIDLIST=2236", "2234 2235 2235 2236"},
		{"--delayed -H -u 1234 -g 1235 -G 1236", "", "1234 1235 1235 1236"},
	} {
		cmd := command(t, strings.Fields(c.opts), "127.0.0.1", "sh", "-c", show)
		cmd.Env = slices.Concat(strings.Fields(c.env), cmd.Env, []string{"TLS_UID=3234", "TLS_GID=3235"})
		p := boot(t, cmd, "127.0.0.1")
		var text string
		if strings.Contains(c.opts, "delayed") {
			b, _ := io.ReadAll(p.tcp())
			text = string(b)
		} else {
			text = p.fetch()
		}
		words := strings.Fields(text)
		if n := len(strings.Fields(c.want)); len(words) < n || strings.Join(words[:n], " ") != c.want {
			t.Errorf("%s: got %q", c.opts, text)
		}
		if strings.Contains(text, "\nGIDLIST=") || strings.Contains(text, "\nTLS_UID=") {
			t.Errorf("%s: ids left in the environment: %q", c.opts, text)
		}
	}
	// The -io runs under TLS_UID while prog lives.
	cmd := command(t, []string{"-H", "-u", "1234", "-g", "1235"}, "127.0.0.1", "cat")
	cmd.Env = append(cmd.Env, "TLS_UID=3234", "TLS_GID=3235")
	p := boot(t, cmd, "127.0.0.1")
	s := p.session()
	io.WriteString(s, "x")
	io.ReadFull(s, make([]byte, 1))
	prog := proc.Children(p.Pid)[0]
	for pid, want := range map[int]string{prog: "1234", proc.Children(prog)[0]: "3234"} {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil || !strings.Contains(string(status), "\nUid:\t"+want+"\t"+want+"\t"+want+"\t"+want+"\n") {
			t.Errorf("pid %d is not %s: %v\n%s", pid, want, err, status)
		}
	}
}

// prog starts with the limits and ignored signals that the server was started
// with, and the server runs under the limits of mail run scripts.
func TestLimitsAndSignals(t *testing.T) {
	want := resolvetest.Limits(t)
	for _, opts := range []string{"-H", "", "-H --delayed"} {
		cmd := command(t, strings.Fields(opts), "127.0.0.1", resolvetest.State...)
		cmd.Argv = resolvetest.Limited(cmd.Argv...)
		cmd.Path = "/bin/sh"
		p := boot(t, cmd, "127.0.0.1")
		var got string
		if strings.Contains(opts, "delayed") {
			b, _ := io.ReadAll(p.tcp())
			got = string(b)
		} else {
			got = p.fetch()
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", opts, got, want)
		}
	}
}
