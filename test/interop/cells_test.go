package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/test/need"
)

// TestMain: the test binary also plays prog.
func TestMain(m *testing.M) {
	if text := os.Getenv(appVariable); text != "" {
		perform(text)
	}
	os.Exit(m.Run())
}

// testLab has one backend: that of the tests.
func testLab(t *testing.T) (*lab, string) {
	t.Helper()
	name := os.Getenv("UCSPITLS_BACKEND")
	if name == "" {
		name = "gotls"
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin", name)
	if _, err := build("../..", name, bin); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(dir, map[string]string{name: bin})
	if err != nil {
		t.Fatal(err)
	}
	return l, oursPrefix + name
}

// A handful of cells, each of another kind.
func TestCells(t *testing.T) {
	l, ours := testLab(t)
	for _, tt := range []struct {
		server, client, version, conditions, outcome string
	}{
		{ours, ours, "1.3", "flags=SJ cert=good alpn=match", "ok"},
		{ours, ours, "1.2", "flags=J entry=delayed size=large", "ok"}, // both end with 98: bare FINs
		{ours, ours, "1.3", "trust=wrong-name", "refused"},
		{ours, ours, "1.3", "cert=unknown-ca", "refused"},
		{ours, "openssl", "1.2", "key=rsa group=x25519 first=server flags=S", "ok"},
		{ours, "openssl", "1.3", "sni=unknown", "refused"},
		{"openssl", ours, "1.3", "group=p384 cert=good", "ok"},
		{"gnutls", ours, "1.2", "cert=missing", "refused"},
		{ours, "gnutls", "1.3", "sni=pair size=large flags=S", "ok"},
		{ours, "curl", "1.3", "alpn=match size=large first=server", "ok"},
		{ours, "python", "1.2", "end=fin flags=J", "ok"},
	} {
		c := Cell{Server: tt.server, Client: tt.client, Version: tt.version, Scenario: "test"}.set(tt.conditions)
		t.Run(c.ID()+" "+tt.conditions, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{c.Server, c.Client} {
				if isBackend(name) {
					continue
				}
				p := peerNamed(name)
				if _, err := p.find(); err != nil {
					need.Package(t, p.needs[0], p.pkg)
				}
			}
			if c.Client == "python" {
				if err := pythonPeer.prepare(l); err != nil {
					t.Fatal(err)
				}
			}
			if r := l.cell(c); r.Outcome != tt.outcome {
				t.Errorf("%s: %s\nserver: %+v\nclient: %+v\nwire: %+v", r.Outcome, r.Why, r.Server, r.Client, r.Wire)
			}
		})
	}
}

// judged is a good session between ours and a peer, with one thing changed.
func judged(conditions string, change func(*Result)) *Result {
	want := count(payload(lineLength))
	r := &Result{
		Cell:   Cell{Server: "our-gotls", Client: "openssl", Version: "1.3", Scenario: "test"}.set(conditions),
		Server: Side{Name: "our-gotls", Ours: true, Exit: "0", Ran: true, Protocol: "TLSv1.3", Cipher: "C", Blob: []string{"SSL_PROTOCOL=TLSv1.3", "SSL_TLS_SNI_SERVERNAME=" + host}, In: want, Out: want},
		Client: Side{Name: "openssl", Exit: "0", Protocol: "TLSv1.3", In: want, Out: want},
		Wire:   Wire{Protocol: "TLSv1.3", Cipher: "C", Group: "X25519", ClientEnd: "alert, FIN", ServerEnd: "FIN"},
	}
	if change != nil {
		change(r)
	}
	r.judge()
	return r
}

// The judge must see what is wrong.
func TestJudge(t *testing.T) {
	fatal := []string{"s6-tlsd-io: fatal: it failed"}
	for name, tt := range map[string]struct {
		conditions string
		change     func(*Result)
		outcome    string
	}{
		"good":           {"", nil, "ok"},
		"an exit code":   {"", func(r *Result) { r.Server.Exit = "98" }, "unexpected"},
		"a lost byte":    {"", func(r *Result) { r.Server.In.N-- }, "unexpected"},
		"a changed byte": {"", func(r *Result) { r.Client.In.Hash = "0" }, "unexpected"},
		"another version": {"", func(r *Result) {
			r.Wire.Protocol, r.Server.Protocol, r.Client.Protocol = "TLSv1.2", "TLSv1.2", "TLSv1.2"
		}, "unexpected"},
		"a blob that lies":          {"", func(r *Result) { r.Server.Cipher = "D" }, "unexpected"},
		"a missing name":            {"", func(r *Result) { r.Server.Blob = nil }, "unexpected"},
		"a forged certificate":      {"", func(r *Result) { r.Server.Blob = append(r.Server.Blob, "SSL_PEER_CERT_HASH=x") }, "unexpected"},
		"another group":             {"group=p256", nil, "unexpected"},
		"the group":                 {"group=x25519", nil, "ok"},
		"no ALPN":                   {"alpn=match", nil, "unexpected"},
		"resumed":                   {"", func(r *Result) { r.Wire.Resumed = true }, "unexpected"},
		"-J and close_notify":       {"flags=J", nil, "ok"},
		"-J and a bare FIN, missed": {"flags=J", func(r *Result) { r.Wire.ClientEnd = "FIN" }, "unexpected"},
		"-J and a bare FIN":         {"flags=J", func(r *Result) { r.Wire.ClientEnd, r.Server.Exit, r.Server.Lines = "FIN", "98", fatal }, "ok"},
		"late":                      {"", func(r *Result) { r.Client.Exit = "late" }, "unexpected"},
		"not refused":               {"cert=expired", nil, "unexpected"},
		"refused": {"cert=expired", func(r *Result) {
			r.Server.Exit, r.Server.Lines, r.Server.Ran, r.Server.In, r.Client.In = "98", fatal, false, Count{}, Count{}
		}, "refused"},
		"refused, but prog ran": {"cert=expired", func(r *Result) {
			r.Server.Exit, r.Server.Lines, r.Server.In, r.Client.In = "98", fatal, Count{}, Count{}
		}, "unexpected"},
		"refused without a word": {"cert=expired", func(r *Result) {
			r.Server.Exit, r.Server.Ran, r.Server.In, r.Client.In = "98", false, Count{}, Count{}
		}, "unexpected"},
	} {
		if r := judged(tt.conditions, tt.change); r.Outcome != tt.outcome {
			t.Errorf("%s: %s (%s), want %s", name, r.Outcome, r.Why, tt.outcome)
		}
	}
}

// A difference is found, and has the reason that the notes give.
func TestDifferences(t *testing.T) {
	one := judged("", nil)
	two := judged("", func(r *Result) { r.Cell.Server, r.Server.Name, r.Server.Alert = "our-utls", "our-utls", "unknown_ca" })
	note, err := parseNote("differs alert server=ours client=openssl : the library's choice")
	if err != nil {
		t.Fatal(err)
	}
	for _, notes := range [][]*Note{nil, {note}} {
		got := differences([]*Result{one, two}, notes)
		if len(got) != 1 || got[0].Field != "alert" || got[0].Values["utls"] != "unknown_ca" || (got[0].Reason != "") != (notes != nil) {
			t.Errorf("got %+v", got)
		}
	}
	if got := differences([]*Result{one, judged("", func(r *Result) { r.Cell.Server, r.Server.Name = "our-utls", "our-utls" })}, nil); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// What the records say, against what a handshake is known to hold.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x30"))
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, split records
		whole.feed(data)
		for _, b := range data {
			split.feed([]byte{b})
		}
		if whole.alert != split.alert || whole.sni != split.sni || whole.protocol != split.protocol || whole.lastLength != split.lastLength {
			t.Errorf("in one piece %+v, byte by byte %+v", whole, split)
		}
	})
}

// The scripts of the peers must at least be good programs.
func TestScriptsParse(t *testing.T) {
	for _, c := range []struct {
		program, pkg string
		args         []string
	}{
		{"python3", "python3", []string{"-m", "py_compile", "scripts/peer.py"}},
		{"node", "nodejs", []string{"--check", "scripts/peer.js"}},
	} {
		t.Run(c.program, func(t *testing.T) {
			cmd := exec.Command(need.Program(t, c.program, c.pkg), c.args...)
			cmd.Env = append(os.Environ(), "PYTHONPYCACHEPREFIX="+t.TempDir())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, strings.TrimSpace(string(out)))
			}
		})
	}
}
