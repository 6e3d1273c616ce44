package dial

import (
	"cmp"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"ucspitls/internal/resolve/resolvetest"
	"ucspitls/test/lab/loopback"
)

const echo = `echo "$1" >&7; read x <&6; echo "$x"`

func TestConnects(t *testing.T) {
	four, six := serve(t, "127.0.0.1:0"), serve(t, "[::1]:0")
	both := serve(t, "127.0.0.1:0")
	if l, err := net.Listen("tcp", "[::1]:"+both.port); err == nil {
		l.Close()
	}
	for _, c := range []struct {
		args string
		s    *server
		ip   string // of the server
		name string // SNI
	}{
		{"-H 127.0.0.1", four, "127.0.0.1", ""},
		{"-H ::1", six, "::1", ""},
		{"-H -6 ::1", six, "::1", ""},
		{"-H -4 127.0.0.1", four, "127.0.0.1", ""},
		{"-H -4 127.0.0.1,::1", four, "127.0.0.1", ""},
		{"-H -6 127.0.0.1,::1", six, "::1", ""},
		{"127.0.0.1", four, "127.0.0.1", ""},
		{"0", four, "127.0.0.1", ""}, // ::1 refuses
		{"0", six, "::1", ""},
		{"-4 0", four, "127.0.0.1", ""},
		{"-6 0", six, "::1", ""},
		{"-H 127.0.0.2,127.0.0.1", four, "127.0.0.1", ""},
		{"-H -k localhost 127.0.0.1", four, "127.0.0.1", "localhost"},
		{"-k localhost 127.0.0.1", four, "127.0.0.1", "localhost"},
		{"localhost", four, "127.0.0.1", "localhost"},
		{"localhost.", four, "127.0.0.1", "localhost"},
		{"-6 localhost", six, "::1", "localhost"},
		{"-46 localhost", six, "::1", "localhost"},
		{"-46 localhost", four, "127.0.0.1", "localhost"},
	} {
		c.s.mu.Lock()
		c.s.names = nil
		c.s.mu.Unlock()
		r := with(t, c.args+" "+c.s.port, "sh", "-c", echo+"; env", "sh", "hello")
		if r.Code != 0 || !strings.HasPrefix(r.Stdout, "hello\n") {
			t.Errorf("%s: %+v", c.args, r)
		}
		if got := c.s.name(); got != c.name {
			t.Errorf("%s: server name %q", c.args, got)
		}
		env := r.environment()
		if env["PROTO"] != "TCP" || env["TCPREMOTEIP"] != c.ip || env["TCPREMOTEPORT"] != c.s.port || env["TCPLOCALIP"] != c.ip || env["TCPLOCALPORT"] == "" {
			t.Errorf("%s: %v", c.args, env)
		}
		for _, name := range []string{"TCPREMOTEHOST", "TCPLOCALHOST", "TCPREMOTEINFO", "TCPCONNNUM", "CAFILE"} {
			if v, set := env[name]; set {
				t.Errorf("%s: %s=%s", c.args, name, v)
			}
		}
	}
	// An empty host is a word of its own.
	if r := client(t, "-4", "", four.port, "sh", "-c", echo, "sh", "hello"); r.Stdout != "hello\n" {
		t.Errorf("empty host: %+v", r)
	}
}

func TestLookups(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	const here = "1.0.0.127.in-addr.arpa."
	records := map[string][]string{
		"server.example.": {"127.0.0.1"}, "www.corp.example.": {"127.0.0.1"},
	}
	conf := "nameserver 127.0.0.1\nsearch corp.example\noptions timeout:1 attempts:1\n"
	user := func(q string) string { return strings.TrimSuffix(q, "\r\n") + " : USERID : UNIX : joe\r\n" }
	for _, c := range []struct {
		args, hosts        string
		ptr                string // if it is not reverse.example
		ident              bool
		code               int
		remote, here, info string
		text               string
	}{
		{args: "server.example", remote: "reverse.example", here: "reverse.example"},
		{args: "-l me server.example", remote: "reverse.example", here: "me"},
		{args: "-H -l me 127.0.0.1", here: "me"},
		{args: "-r 127.0.0.1", ident: true, remote: "reverse.example", here: "reverse.example", info: "joe"},
		{args: "127.0.0.1", ptr: "-rf."},
		{args: "127.0.0.1", ptr: "127."},
		{args: "-rR -H 127.0.0.1", ident: true},
		{args: "-r -H 127.0.0.1"}, // nobody answers: unknown
		{args: "www", remote: "reverse.example", here: "reverse.example"},
		{args: "-n www", remote: "reverse.example", here: "reverse.example"},
		{args: "-N www", code: 111, text: "fatal: unable to resolve www: no such name or address"},
		{args: "-nN www", code: 111, text: "unable to resolve www"},
		{args: "inhosts", hosts: "127.0.0.1 inhosts\n", code: 111, text: "unable to resolve inhosts"},
		{args: "-h inhosts", hosts: "127.0.0.1 inhosts\n", remote: "inhosts", here: "inhosts"},
		{args: "-h --no-hosts inhosts", hosts: "127.0.0.1 inhosts\n", code: 111, text: "unable to resolve inhosts"},
		{args: "-6 server.example", code: 111, text: "unable to resolve server.example: no such name or address"},
		{args: "nowhere.example", code: 111, text: "unable to resolve nowhere.example: no such name or address"},
		{args: "-H server.example", code: 100, text: "fatal: with -H, host must be a list of IP addresses: server.example"},
		{args: "-H --dns server.example", remote: "reverse.example", here: "reverse.example"},
	} {
		t.Run(c.args, func(t *testing.T) {
			world.Files(t, conf, c.hosts)
			records[here] = []string{"PTR " + cmp.Or(c.ptr, "reverse.example.")}
			world.DNS.Set(records)
			if c.ident {
				resolvetest.Ident(t, world.IdentPort, user)
			}
			r := with(t, "--no-verify-cert "+c.args+" "+s.port, "env")
			if r.Code != c.code || !strings.Contains(r.Stderr, c.text) {
				t.Errorf("%+v", r)
			}
			env := r.environment()
			for name, want := range map[string]string{"TCPREMOTEHOST": c.remote, "TCPLOCALHOST": c.here, "TCPREMOTEINFO": c.info} {
				if got, set := env[name]; got != want || set != (want != "") {
					t.Errorf("%s=%q, %v; want %q", name, got, set, want)
				}
			}
		})
	}
}

func TestName(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	world.Files(t, "nameserver 127.0.0.1\n", "")
	world.DNS.Set(map[string][]string{"server.example.": {"127.0.0.1"}})
	// The default name is verified: the certificate is for localhost.
	r := with(t, "server.example "+s.port, "true")
	if r.Code != 98 || !strings.Contains(r.Stderr, "another name") || s.name() != "server.example" {
		t.Errorf("%+v, %s", r, s.name())
	}
	if r := with(t, "-k localhost server.example "+s.port, "true"); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	// An address has none, and that is said.
	if r := with(t, "127.0.0.1 "+s.port, "true"); r.Code != 0 || !strings.Contains(r.Stderr, "no server name given") {
		t.Errorf("%+v", r)
	}
}

func TestRefusals(t *testing.T) {
	port := loopback.FreePort(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, takenPort, _ := net.SplitHostPort(taken.Addr().String())
	for _, c := range []struct {
		args string
		code int
		text string
	}{
		{"", 100, "s6-tlsclient: usage: s6-tlsclient [ -q | -Q | -v ] [ -4 | -6 ]"},
		{"127.0.0.1 1", 100, "s6-tlsclient: usage: "},
		{"-! h 1 true", 100, "fatal: unrecognized short option: !"},
		{"-T x h 1 true", 100, "fatal: connection-timeouts must be x+y, in seconds"},
		{"-T 1+ h 1 true", 100, "fatal: connection-timeouts must be x+y"},
		{"-T +1 h 1 true", 100, "fatal: connection-timeouts must be x+y"},
		{"-t x h 1 true", 100, "fatal: timeout must be an unsigned integer"},
		{"-K x h 1 true", 100, "fatal: handshake-timeout must be an unsigned integer"},
		{"-p 65536 h 1 true", 100, "fatal: local-port must be a port number"},
		{"-i x h 1 true", 100, "fatal: local-ip must be a valid IP address"},
		{"h http true", 100, "fatal: invalid port number: http"},
		{"h 65536 true", 100, "fatal: invalid port number: 65536"},
		{"-H -4 ::1 1 true", 100, "fatal: no IP address for ::1"},
		{"-H -i ::1 127.0.0.1 1 true", 100, "fatal: no IP address for 127.0.0.1 of the family of local-ip"},
		{"-H 127.0.0.1 " + port + " true", 111, "warning: unable to connect to 127.0.0.1 port " + port + ": connection refused\ns6-tlsclient: fatal: unable to connect to a suitable IP address"},
		{"-q -H 127.0.0.1 " + port + " true", 111, "s6-tlsclient: fatal: unable to connect to a suitable IP address"},
		{"-H -i 192.0.2.1 127.0.0.1 " + port + " true", 111, "fatal: unable to bind the local end: cannot assign requested address"},
		{"-H -i 127.0.0.1 -p " + takenPort + " 127.0.0.1 " + port + " true", 111, "fatal: unable to bind the local end: address already in use"},
	} {
		if r := with(t, c.args); r.Code != c.code || !strings.Contains(r.Stderr, c.text) {
			t.Errorf("%s: %+v", c.args, r)
		}
	}
	if r := with(t, "-q -H 127.0.0.1 "+port, "true"); strings.Contains(r.Stderr, "warning") {
		t.Errorf("-q: %+v", r)
	}
}

// -T: a first round for all addresses, then a second one; a single address
// has the sum; -t ends everything.
func TestTimeouts(t *testing.T) {
	port := blackhole(t)
	list := "127.0.0.1,127.0.0.1"
	for _, c := range []struct {
		args     string
		low      time.Duration
		warnings int
	}{
		{"-T 1+0 127.0.0.1", time.Second, 1},
		{"-T 1 127.0.0.1", time.Second, 1},
		{"-T 0+1 127.0.0.1", time.Second, 1},
		{"-T 1+1 127.0.0.1", 2 * time.Second, 1},
		{"-T 1 " + list, 2 * time.Second, 2},
		{"-T 0+1 " + list, 2 * time.Second, 2},
		{"-t 1 127.0.0.1", time.Second, 1},
		{"-t 1 " + list, time.Second, 2},
		{"-t 1 -T 9+9 127.0.0.1", time.Second, 1},
	} {
		r := with(t, "-H "+c.args+" "+port, "true")
		if r.Code != 111 || r.took < c.low-10*time.Millisecond || r.took > c.low+900*time.Millisecond {
			t.Errorf("%s: %+v", c.args, r)
		}
		if n := strings.Count(r.Stderr, "warning: unable to connect to 127.0.0.1 port "+port+": connection timed out"); n != c.warnings {
			t.Errorf("%s: %d warnings\n%s", c.args, n, r.Stderr)
		}
	}
	// The first address hangs for X seconds, the second one answers.
	s := serve(t, "127.0.0.9:"+port)
	if r := with(t, "-H -T 1+5 127.0.0.1,127.0.0.9 "+s.port, "true"); r.Code != 0 || r.took < time.Second || r.took > 3*time.Second {
		t.Errorf("second address: %+v", r)
	}
}

// -t holds for the look-ups too.
func TestLookupTimeout(t *testing.T) {
	world.Files(t, "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:5 attempts:3\n", "")
	world.DNS.Behave(func(string, bool, dnsmessage.Question) resolvetest.Behaviour { return resolvetest.Silent })
	r := with(t, "-t 1 server.example 1", "true")
	if r.Code != 111 || r.took > 2500*time.Millisecond || !strings.Contains(r.Stderr, "fatal: unable to resolve server.example: no answer in time") {
		t.Errorf("%+v", r)
	}
	s := serve(t, "127.0.0.1:0")
	r = with(t, "-t 1 127.0.0.1 "+s.port, "env")
	if r.Code != 0 || r.took > 2500*time.Millisecond || strings.Contains(r.Stdout, "TCPREMOTEHOST") {
		t.Errorf("%+v", r)
	}
}

func TestLocalEnd(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	free, err := net.Listen("tcp", "127.0.0.7:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	for _, c := range []struct{ args, ip, port string }{
		{"-i 127.0.0.7", "127.0.0.7", ""},
		{"-i 127.0.0.7 -p " + port, "127.0.0.7", port},
		{"--local-ip=127.0.0.7", "127.0.0.7", ""},
		{"-p " + port, "127.0.0.1", port},
		{"--local-port=" + port + " -i 127.0.0.8", "127.0.0.8", port},
	} {
		r := with(t, "-H "+c.args+" 127.0.0.1 "+s.port, "env")
		env := r.environment()
		if r.Code != 0 || env["TCPLOCALIP"] != c.ip || c.port != "" && env["TCPLOCALPORT"] != c.port {
			t.Errorf("%s: %+v", c.args, r)
		}
		s.mu.Lock()
		last := s.peers[len(s.peers)-1]
		s.mu.Unlock()
		if last != net.JoinHostPort(env["TCPLOCALIP"], env["TCPLOCALPORT"]) {
			t.Errorf("%s: the server saw %s", c.args, last)
		}
	}
}

func TestVerbosity(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	for args, want := range map[string]bool{"-v": true, "--verbose": true, "-q": false, "": false, "-vQ": false} {
		r := with(t, args+" -H -k localhost 127.0.0.1 "+s.port, "true")
		if got := strings.Contains(r.Stderr, "s6-tlsclient: info: connected to 127.0.0.1 port "+s.port); r.Code != 0 || got != want {
			t.Errorf("%s: %+v", args, r)
		}
	}
}

func TestShow(t *testing.T) { world.Show(t, "s6-tlsclient", " [ -q") }

func FuzzAddrList(f *testing.F) {
	f.Add("127.0.0.1,::1")
	f.Add(" ;1.2.3.4")
	f.Fuzz(func(t *testing.T, s string) {
		if list, ok := addrList(s); ok != (len(list) > 0) {
			t.Errorf("%v, %v", list, ok)
		}
	})
}
