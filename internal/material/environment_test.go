package material

import (
	"slices"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/internal/line"
)

func TestSettings(t *testing.T) {
	long := strings.Repeat("x", 255)
	var many []string
	for i := range 260 {
		many = append(many, strings.Repeat("x", 250)+string([]byte{'a' + byte(i/26), 'a' + byte(i%26)}))
	}
	cases := []struct {
		env      []string
		min, max uint16
		alpn     []string
		line     string // of a usage error
	}{
		{nil, 0, 0, nil, ""},
		{[]string{"TLS_MIN_VERSION=", "TLS_MAX_VERSION=", "TLS_ALPN="}, 0, 0, nil, ""},
		{[]string{"TLS_MIN_VERSION=1.2", "TLS_MAX_VERSION=1.3"}, backend.TLS12, backend.TLS13, nil, ""},
		{[]string{"TLS_MIN_VERSION=1.3"}, backend.TLS13, 0, nil, ""},
		{[]string{"TLS_MAX_VERSION=1.2"}, 0, backend.TLS12, nil, ""},
		{[]string{"TLS_MAX_VERSION=1.2", "TLS_MAX_VERSION=1.3"}, 0, backend.TLS12, nil, ""},
		{[]string{"TLS_MIN_VERSION=1.3", "TLS_MAX_VERSION=1.2"}, 0, 0, nil, "TLS_MIN_VERSION is above TLS_MAX_VERSION"},
		{[]string{"TLS_MIN_VERSION=1.1"}, 0, 0, nil, "TLS_MIN_VERSION must be 1.2 or 1.3"},
		{[]string{"TLS_MAX_VERSION=1.3 "}, 0, 0, nil, "TLS_MAX_VERSION must be 1.2 or 1.3"},
		{[]string{"TLS_ALPN=h2"}, 0, 0, []string{"h2"}, ""},
		{[]string{"TLS_ALPN=h2,http/1.1,a b"}, 0, 0, []string{"h2", "http/1.1", "a b"}, ""},
		{[]string{"TLS_ALPN=" + long}, 0, 0, []string{long}, ""},
		{[]string{"TLS_ALPN=" + long + "x"}, 0, 0, nil, "TLS_ALPN: protocol name over 255 bytes"},
		{[]string{"TLS_ALPN=,"}, 0, 0, nil, "TLS_ALPN: empty protocol name"},
		{[]string{"TLS_ALPN=h2,"}, 0, 0, nil, "TLS_ALPN: empty protocol name"},
		{[]string{"TLS_ALPN=h2, http/1.1"}, 0, 0, nil, "TLS_ALPN: blanks around http/1.1"},
		{[]string{"TLS_ALPN=h2,a\tb"}, 0, 0, nil, `TLS_ALPN: a\x09b has a character that is not printable ASCII`},
		{[]string{"TLS_ALPN=\u00fc"}, 0, 0, nil, `TLS_ALPN: \xC3\xBC has a character that is not printable ASCII`},
		{[]string{"TLS_ALPN=h2,h3,h2"}, 0, 0, nil, "TLS_ALPN: h2 is listed twice"},
		{[]string{"TLS_ALPN=" + strings.Join(many, ",")}, 0, 0, nil, "TLS_ALPN: the list is too long"},
	}
	for _, c := range cases {
		t.Run(strings.Join(c.env, " ")[:min(40, len(strings.Join(c.env, " ")))], func(t *testing.T) {
			opened, err := Open(Options{Environ: c.env, ServerName: "x.example", NoVerifyCert: true})
			if c.line != "" {
				wantExit(t, err, 100, c.line)
				_, err := Open(Options{Server: true, Environ: c.env})
				wantExit(t, err, 100, c.line)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := opened.(*client).Config.Common; got.MinVersion != c.min || got.MaxVersion != c.max || !slices.Equal(got.ALPN, c.alpn) {
				t.Errorf("got %x %x %q", got.MinVersion, got.MaxVersion, got.ALPN)
			}
		})
	}
}

func TestClientServerName(t *testing.T) {
	label := strings.Repeat("a", 63)
	name253 := strings.Repeat(label+".", 3) + strings.Repeat("b", 61)
	good := map[string]string{
		"localhost":                 "localhost",
		"mail.Example.ORG":          "mail.Example.ORG",
		"mail.example.org.":         "mail.example.org",
		"_smtp.example.org":         "_smtp.example.org",
		"1.example":                 "1.example",
		"xn--bcher-kva.example":     "xn--bcher-kva.example",
		name253:                     name253,
		name253 + ".":               name253,
		"192.0.2.1":                 "192.0.2.1",
		"::1":                       "::1",
		"2001:DB8:0:0:0:0:0:1":      "2001:db8::1",
		"::FFFF:192.0.2.1":          "192.0.2.1",
		"2001:db8::192.0.2.1":       "2001:db8::c000:201",
		"a-b.example":               "a-b.example",
		label + ".example":          label + ".example",
		"3com.example":              "3com.example",
		"example.123a":              "example.123a",
		"under_score.a_b.example.x": "under_score.a_b.example.x",
	}
	for name, want := range good {
		if got := openClient(t, name, false, true).Config.ServerName; got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
	bad := []string{
		".", "..", "a..b", ".a", "a b", "a\nb", "-a.example", "a-.example", "bücher.example", "*.example.org", "a/b",
		"1.2.3", "256.0.0.1", "192.0.2.1.", "127.1", "[::1]", "fe80::1%eth0", "::1::", label + "a.example", name253 + "b", "a\x00b", "a..",
	}
	for _, name := range bad {
		_, err := Open(Options{ServerName: name, NoVerifyCert: true})
		wantExit(t, err, 100, "servername: "+line.Part(name)+" is neither a host name nor an IP address")
	}
}

func TestClientWarnings(t *testing.T) {
	ca := "CAFILE=" + newFolder(t).put("ca", makeCert("a"))
	want := []string{"no server name given, the peer's name is not verified"}
	c := openClient(t, "", false, false, ca)
	if !slices.Equal(c.Warnings, want) || c.Config.ServerName != "" || c.Config.NoVerifyCert || c.Config.Keys != nil {
		t.Errorf("warnings %q, config %+v", c.Warnings, c.Config)
	}
	c = openClient(t, "", false, true, "CERTFILE=/nonexistent", "CAFILE=/nonexistent")
	if c.Warnings != nil || !c.Config.NoVerifyCert {
		t.Errorf("warnings %q, config %+v", c.Warnings, c.Config)
	}
	c = openClient(t, "a.example", false, false, ca)
	if c.Warnings != nil {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestClientPair(t *testing.T) {
	f := newFolder(t)
	c := openClient(t, "a.example", true, true, "CERTFILE="+f.put("c", makeCert("leaf")), "KEYFILE="+f.put("k", sec1()))
	pair := c.Config.Keys
	if pair == nil || len(pair.Chain) != 1 || !slices.Equal(pair.Key, sec1()) {
		t.Fatalf("pair %+v", pair)
	}
	c.Close()
	if !slices.Equal(pair.Key, make([]byte, len(pair.Key))) {
		t.Error("key is not wiped by Close")
	}
}
