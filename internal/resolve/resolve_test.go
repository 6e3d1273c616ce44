package resolve

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"ucspitls/internal/resolve/resolvetest"
)

var dns *resolvetest.DNS

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "resolve")
	if err == nil {
		dns, err = resolvetest.StartDNS()
	}
	if err != nil {
		panic(err)
	}
	dnsPort = dns.Port
	resolvConf, hostsFile = filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "hosts")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const twoServers = "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1 attempts:2\n"

// system writes the system's files and gives a resolver that has read them.
func system(t *testing.T, conf, hosts string, records map[string][]string) *Resolver {
	t.Helper()
	dns.Set(records)
	for path, text := range map[string]string{resolvConf: conf, hostsFile: hosts} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return New(hosts != "")
}

func ips(words ...string) (list []netip.Addr) {
	for _, w := range words {
		list = append(list, netip.MustParseAddr(w))
	}
	return list
}

var (
	four = Family{IPv4: true}
	six  = Family{IPv6: true}
	both = Family{true, true}
	soon = func() time.Time { return time.Now().Add(10 * time.Second) }
)

var world = map[string][]string{
	"mail.example.":     {"192.0.2.1", "192.0.2.2", "2001:db8::1"},
	"four.example.":     {"192.0.2.4"},
	"alias.example.":    {"CNAME chain.example."},
	"chain.example.":    {"CNAME mail.example."},
	"loop.example.":     {"CNAME pool.example."},
	"pool.example.":     {"CNAME loop.example."},
	"www.corp.example.": {"192.0.2.80"},
	"a.b.corp.example.": {"192.0.2.81"},

	"1.2.0.192.in-addr.arpa.": {"PTR mail.example."},
	"2.2.0.192.in-addr.arpa.": {"CNAME 2.sub.example."},
	"2.sub.example.":          {"PTR classless.example."},
	"3.2.0.192.in-addr.arpa.": {"PTR bad;name.example."},
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.": {"PTR six.example."},
}

func TestAddrs(t *testing.T) {
	r := system(t, twoServers+"search corp.example\n", "192.0.2.99 printer  # the old one\n2001:db8::99 printer\n", world)
	for _, c := range []struct {
		host    string
		family  Family
		qualify bool
		want    []netip.Addr
		err     error
	}{
		{"mail.example", four, true, ips("192.0.2.1", "192.0.2.2"), nil},
		{"mail.example.", four, false, ips("192.0.2.1", "192.0.2.2"), nil},
		{"MAIL.Example", six, true, ips("2001:db8::1"), nil},
		{"mail.example", both, true, ips("2001:db8::1", "192.0.2.1", "192.0.2.2"), nil},
		{"four.example", both, true, ips("192.0.2.4"), nil},
		{"four.example", six, true, nil, ErrNotFound},
		{"alias.example", four, true, ips("192.0.2.1", "192.0.2.2"), nil},
		{"loop.example", four, true, nil, ErrNotFound},
		{"www", four, true, ips("192.0.2.80"), nil},
		{"www", four, false, nil, ErrNotFound},
		{"www.", four, true, nil, ErrNotFound},
		{"a.b", four, true, ips("192.0.2.81"), nil}, // has a dot: as it is first, then qualified
		{"printer", both, true, ips("2001:db8::99", "192.0.2.99"), nil},
		{"Printer.", four, true, ips("192.0.2.99"), nil},
		{"localhost", four, true, ips("127.0.0.1"), nil},
		{"db.localhost.", both, true, ips("::1", "127.0.0.1"), nil},
		{"", four, true, nil, ErrBadName},
		{"a b", four, true, nil, ErrBadName},
		{"a..b", four, true, nil, ErrBadName},
		{"-a", four, true, nil, ErrBadName},
		{"127.1", four, true, nil, ErrBadName},
		{strings.Repeat("x", 64), four, true, nil, ErrBadName},
	} {
		got, err := r.Addrs(c.host, c.family, c.qualify, soon())
		if !reflect.DeepEqual(got, c.want) || err != c.err {
			t.Errorf("%s %v: got %v, %v; want %v, %v", c.host, c.family, got, err, c.want, c.err)
		}
	}
}

func TestName(t *testing.T) {
	names := map[string][]string{}
	maps.Copy(names, world)
	// What looks like an option or an address is not a name for prog.
	odd := []string{"-rf.", "--help.", "-rf.example.", "a.-b.example.", "b-.example.", "127.", "192.0.2.1.", "mail.10.", "a\\010b.example.", "a b.example.",
		"$(id).example.", "b\xc3\xbccher.example.", "*.example."}
	for i, name := range odd {
		names[strconv.Itoa(i+50)+".2.0.192.in-addr.arpa."] = []string{"PTR " + name}
	}
	r := system(t, twoServers, "192.0.2.7 seven seventh\n::ffff:192.0.2.8 mapped\n192.0.2.9 dotted.example.\n192.0.2.10 -rf\n192.0.2.11 127\n", names)
	for i, name := range odd {
		if got, _, err := r.Name(netip.MustParseAddr("192.0.2."+strconv.Itoa(i+50)), soon()); got != "" || err != ErrBadName {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for _, c := range []struct {
		ip, name string
		known    bool
		err      error
	}{
		{"192.0.2.1", "mail.example", false, nil},
		{"::ffff:192.0.2.1", "mail.example", false, nil},
		{"192.0.2.2", "classless.example", false, nil}, // RFC 2317
		{"192.0.2.3", "", false, ErrBadName},
		{"192.0.2.4", "", false, ErrNotFound},
		{"192.0.2.7", "seven", true, nil},
		{"192.0.2.8", "mapped", true, nil},
		{"192.0.2.9", "dotted.example", true, nil},
		{"192.0.2.10", "", false, ErrNotFound},
		{"192.0.2.11", "", false, ErrNotFound},
		{"2001:db8::1", "six.example", false, nil},
		{"2001:db8::2", "", false, ErrNotFound},
	} {
		name, known, err := r.Name(netip.MustParseAddr(c.ip), soon())
		if name != c.name || known != c.known || err != c.err {
			t.Errorf("%s: got %q, %v, %v; want %q, %v, %v", c.ip, name, known, err, c.name, c.known, c.err)
		}
	}
}

func TestServers(t *testing.T) {
	const first, second = "127.0.0.1", "127.0.0.2"
	for name, c := range map[string]struct {
		answer func(server string, tcp bool) resolvetest.Behaviour
		err    error
		asked  string
	}{
		"the first knows": {func(string, bool) resolvetest.Behaviour { return resolvetest.Records }, nil,
			"udp 127.0.0.1"},
		"the first is silent": {func(s string, _ bool) resolvetest.Behaviour {
			if s == first {
				return resolvetest.Silent
			}
			return resolvetest.Records
		}, nil, "udp 127.0.0.1, udp 127.0.0.2"},
		"the first fails": {func(s string, _ bool) resolvetest.Behaviour {
			if s == first {
				return resolvetest.Failure
			}
			return resolvetest.Records
		}, nil, "udp 127.0.0.1, udp 127.0.0.2"},
		"all fail": {func(string, bool) resolvetest.Behaviour { return resolvetest.Failure }, errRefused,
			"udp 127.0.0.1, udp 127.0.0.2, udp 127.0.0.1, udp 127.0.0.2"},
		"garbage": {func(string, bool) resolvetest.Behaviour { return resolvetest.Garbage }, errMalformed,
			"udp 127.0.0.1, udp 127.0.0.2, udp 127.0.0.1, udp 127.0.0.2"},
		"too long for UDP": {func(_ string, tcp bool) resolvetest.Behaviour {
			if tcp {
				return resolvetest.Records
			}
			return resolvetest.Truncated
		}, nil, "udp 127.0.0.1, tcp 127.0.0.1"},
		"forged": {func(string, bool) resolvetest.Behaviour { return resolvetest.Forged }, nil,
			"udp 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := system(t, twoServers, "", world)
			dns.Behave(func(server string, tcp bool, _ dnsmessage.Question) resolvetest.Behaviour {
				return c.answer(server, tcp)
			})
			got, err := r.Addrs("four.example", four, true, soon())
			var want []netip.Addr
			if c.err == nil {
				want = ips("192.0.2.4")
			}
			if err != c.err || !slices.Equal(got, want) {
				t.Errorf("got %v, %v; want %v, %v", got, err, want, c.err)
			}
			asked := strings.ReplaceAll(strings.Join(dns.Asked(), ", "), " A four.example.", "")
			if asked != c.asked {
				t.Errorf("asked %s; want %s", asked, c.asked)
			}
		})
	}
}

// Silence everywhere ends at the deadline, or after timeout × attempts × servers.
func TestSilence(t *testing.T) {
	for _, c := range []struct {
		conf      string
		patience  time.Duration
		low, high time.Duration
	}{
		{twoServers, 300 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond},
		{"nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", 0, time.Second, 1900 * time.Millisecond},
	} {
		r := system(t, c.conf, "", nil)
		dns.Behave(func(string, bool, dnsmessage.Question) resolvetest.Behaviour { return resolvetest.Silent })
		var deadline time.Time
		if c.patience > 0 {
			deadline = time.Now().Add(c.patience)
		}
		start := time.Now()
		_, err := r.Addrs("four.example", four, true, deadline)
		if took := time.Since(start); err != ErrTimeout || took < c.low || took > c.high {
			t.Errorf("%v: %v after %v", c.patience, err, took)
		}
	}
	// Nobody listens on 127.0.0.3: an answer of its own kind, at once.
	r := system(t, "nameserver 127.0.0.3\n", "", nil)
	if _, err := r.Addrs("four.example", four, true, soon()); err == nil || err == ErrTimeout || err == ErrNotFound {
		t.Errorf("no server: %v", err)
	}
}

func TestConfig(t *testing.T) {
	port := netip.MustParseAddrPort("127.0.0.1:" + dns.Port).Port()
	servers := func(words ...string) (list []netip.AddrPort) {
		for _, ip := range ips(words...) {
			list = append(list, netip.AddrPortFrom(ip, port))
		}
		return list
	}
	for text, want := range map[string]config{
		"": {servers("127.0.0.1"), nil, 1, 5 * time.Second, 2},
		"# x\n;y\nnameserver 192.0.2.1\nnameserver nonsense\nnameserver ::1\nnameserver 192.0.2.3\nnameserver 192.0.2.4": {
			servers("192.0.2.1", "::1", "192.0.2.3"), nil, 1, 5 * time.Second, 2},
		"domain a.example\nsearch b.example. c..example d.example\n": {
			servers("127.0.0.1"), []string{"b.example.", "d.example."}, 1, 5 * time.Second, 2},
		"options ndots:3 timeout:0 attempts:99 rotate timeout:-1\noptions ndots:99999999999": {
			servers("127.0.0.1"), nil, 3, time.Second, 5},
		"options ndots:16 timeout:31": {servers("127.0.0.1"), nil, 15, 30 * time.Second, 2},
	} {
		if got := parseConfig(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\ngot  %v\nwant %v", text, got, want)
		}
	}
}

func TestCandidates(t *testing.T) {
	c := config{search: []string{"x.example.", "y.example."}, ndots: 2}
	for _, e := range []struct {
		host    string
		qualify bool
		want    string
	}{
		{"h", true, "h.x.example. h.y.example. h."},
		{"h.a", true, "h.a.x.example. h.a.y.example. h.a."},
		{"h.a.b", true, "h.a.b. h.a.b.x.example. h.a.b.y.example."},
		{"h.", true, "h."},
		{"h", false, "h."},
	} {
		if got := strings.Join(c.candidates(e.host, e.qualify), " "); got != e.want {
			t.Errorf("%s: %s; want %s", e.host, got, e.want)
		}
	}
}

func TestParseIdent(t *testing.T) {
	for _, c := range []struct{ line, user, err string }{
		{"6193, 23 : USERID : UNIX : stjohns", "stjohns", ""},
		{"6193,23:USERID:UNIX:stjohns", "stjohns", ""},
		{" 6193 , 23 : USERID : OTHER , US-ASCII :  colon:dash-@+/= ", "colon:dash-@+/=", ""},
		{"6193, 23 : USERID : UNIX : [zZ09+/==]", "[zZ09+/==]", ""}, // a token that only its maker can read
		{"6193, 23 : USERID : UNIX : ~joe", "~joe", ""},
		{"6193, 23 : USERID : UNIX : " + strings.Repeat("u", 512), strings.Repeat("u", 512), ""},
		{"6193, 23 : USERID : UNIX : " + strings.Repeat("u", 513), "", "malformed"},
		{"6193, 23 : USERID : UNIX : two words", "", "malformed"},
		{"6193, 23 : USERID : UNIX : -rf", "", "malformed"},
		{"6193, 23 : USERID : UNIX : --help", "", "malformed"},
		{"6193, 23 : USERID : UNIX : /etc/passwd", "", "malformed"},
		{"6193, 23 : USERID : UNIX : ../x", "", "malformed"},
		{"6193, 23 : USERID : UNIX : $(id)", "", "malformed"},
		{"6193, 23 : USERID : UNIX : a;b", "", "malformed"},
		{"6193, 23 : USERID : UNIX : *", "", "malformed"},
		{"6193, 23 : USERID : UNIX : a\"b", "", "malformed"},
		{"6193, 23 : USERID : UNIX : a\xc2\x9bb", "", "malformed"},
		{"6193, 23 : USERID : UNIX : a\x80", "", "malformed"},
		{"6193, 23 : USERID : UNIX : a\x7f", "", "malformed"},
		{"6193, 23 : ERROR : NO-USER", "", "the IDENT server replied NO-USER"},
		{"6193, 23 : ERROR :", "", "malformed"},
		{"6194, 23 : USERID : UNIX : stjohns", "", "another connection"},
		{"6193, 24 : USERID : UNIX : stjohns", "", "another connection"},
		{"6193, 23 : USERID : UNIX", "", "malformed"},
		{"6193, 23 : USERID : UNIX :  ", "", "malformed"},
		{"6193, 23 : USERID : UNIX : a\x1bb", "", "malformed"},
		{"6193, 23 : WHAT : UNIX : a", "", "malformed"},
		{"", "", "malformed"},
	} {
		user, err := parseIdent(c.line, 23, 6193)
		if user != c.user || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %q, %v", c.line, user, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	facts := Facts{RemoteHost: "r.example", LocalHost: "", RemoteInfo: "me"}
	got := facts.Environ([]string{"A=1", "TCPREMOTEHOST=stale", "TCPLOCALHOST=stale", "TCPREMOTEINFO=stale", "TCPREMOTEHOSTX=y"})
	want := []string{"A=1", "TCPREMOTEHOSTX=y", "TCPREMOTEHOST=r.example", "TCPREMOTEINFO=me"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	got = Ends(netip.MustParseAddrPort("[fe80::1%3]:1"), netip.MustParseAddrPort("192.0.2.1:2"))
	if want := "[PROTO=TCP TCPREMOTEIP=192.0.2.1 TCPREMOTEPORT=2 TCPLOCALIP=fe80::1 TCPLOCALPORT=1]"; fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
}

func TestReverse(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.10":         "10.2.0.192.in-addr.arpa.",
		"::ffff:255.100.9.0": "0.9.100.255.in-addr.arpa.",
		"2001:db8::af":       "f.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := reverse(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %s", ip, got)
		}
	}
}
