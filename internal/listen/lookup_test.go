package listen

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"ucspitls/internal/line"
	"ucspitls/internal/resolve/resolvetest"
	"ucspitls/test/lab/wait"
)

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
