//go:build linux

package cli

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// Sessions are resumed by processes that have nothing in common but a file.

// ticketKeys runs s6-tls-ticketkeys, which must work and say nothing.
func ticketKeys(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(filepath.Join(bin, "s6-tls-ticketkeys"), args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("s6-tls-ticketkeys %q: %v\n%s", args, err, out)
	}
}

// A regular is a client that comes back with what ticket it has.
type regular struct {
	t       *testing.T
	program string
	args    []string
	env     []string
	keys    string // path of the file
	tweaks  []tweak
}

func newRegular(t *testing.T, program string, args []string, tweaks ...tweak) *regular {
	t.Helper()
	env, dir := material(t)
	keys := dir + "/keys"
	ticketKeys(t, keys)
	cache := tls.NewLRUClientSessionCache(4)
	return &regular{t, program, append([]string{"-v2"}, args...), override(env, []string{"TLS_TICKETKEYS=" + keys}), keys,
		append([]tweak{func(c *tls.Config) { c.ClientSessionCache = cache }}, tweaks...)}
}

// visit is a session in which both say something. It gives prog's app, whose
// environment can be looked at, and what the -io said of the session.
func (r *regular) visit() (blob, summary string) {
	r.t.Helper()
	x := serveWith(r.t, spec{program: r.program, args: r.args, env: r.env})
	var a *app
	if delayed(r.program) {
		a = x.stage.app()
		a.write(a.ctl, "Y")
	}
	c := handshake(r.t, x.peer, r.tweaks...)
	if a == nil {
		a = x.stage.app()
		blob = strings.Join(a.Env, "\x00")
	} else {
		blob = a.readAll(a.ctl)
	}
	echo(r.t, a, c)
	resumed := c.ConnectionState().DidResume
	a.exit(0)
	c.Close()
	if code := x.code(); code != 0 {
		r.t.Errorf("exit code %d", code)
	}
	summary = x.stderr()
	if strings.Contains(summary, ", resumed, ") != resumed || strings.Contains(summary, ", not resumed, ") == resumed || !farewell.MatchString(summary) {
		r.t.Errorf("the client says resumed: %v\n%s", resumed, summary)
	}
	return blob, summary
}

func (r *regular) expect(resumed bool) (blob string) {
	r.t.Helper()
	blob, summary := r.visit()
	if strings.Contains(summary, ", resumed, ") != resumed {
		r.t.Errorf("want resumed: %v\n%s", resumed, summary)
	}
	return blob
}

// Twenty connections, each to processes of its own, before a rotation and
// after it; and none when the keys are gone.
func TestTickets(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		r := newRegular(t, program, nil, version)
		r.expect(false)
		for range 20 {
			r.expect(true)
		}
		ticketKeys(t, r.keys)
		for range 20 {
			r.expect(true)
		}
		ticketKeys(t, "-n", "0", r.keys)
		r.expect(false)
		r.expect(true)
		r.env = override(r.env, []string{"TLS_TICKETKEYS"})
		r.expect(false)
	})
}

// A resumed session is as well known as the first: who the client is, what
// protocol was agreed on, which name was asked for.
func TestTicketsTellTheSame(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		cert := pki.New(t).Client(pki.P256)
		r := newRegular(t, program, []string{"-y"}, version, withCert(cert), func(c *tls.Config) { c.NextProtos = []string{"b"} })
		r.env = append(r.env, "TLS_ALPN=a,b")
		for n := range 3 {
			blob := r.expect(n > 0)
			for _, want := range []string{serverHash(cert), "SSL_PEER_CERT_SUBJECT=/C=XX/O=Test/CN=test client", "SSL_ALPN=b", "SSL_TLS_SNI_SERVERNAME=localhost", "SSL_CIPHER="} {
				if !strings.Contains(blob, want) {
					t.Errorf("visit %d: no %s in %q", n, want, blob)
				}
			}
		}
	})
}

// A guard that has nothing to sign leaves with the handshake.
func TestTicketsWithAKeyGuard(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		r := newRegular(t, program, nil, version)
		r.env = append(r.env, "TLS_KEYGUARD=1")
		for n := range 4 {
			r.expect(n > 0)
		}
		r.env = override(r.env, []string{"TLS_KEYGUARD"})
		r.expect(true) // with or without one
	})
}

// Who is revoked meanwhile, or whose CA is not trusted any more, is refused:
// the ticket does not help.
func TestTicketsOfRevokedClients(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	cert := p.Client(pki.P256)
	for name, c := range map[string]struct{ env, want string }{
		"revoked":   {"TLS_CRLFILE=DIR/crl", "the peer's certificate is revoked"},
		"untrusted": {"CAFILE=DIR/other", "the peer's certificate is not signed by a trust anchor"},
	} {
		for _, v := range versions {
			t.Run(name+" "+v.name, func(t *testing.T) {
				t.Parallel()
				r := newRegular(t, "s6-tlsd", []string{"-Y"}, v.tweak, withCert(cert))
				r.expect(false)
				r.expect(true)
				dir := filepath.Dir(r.keys)
				crls := p.CRLs(cert)
				pki.WriteFile(t, dir, "crl", append(pki.PEM("X509 CRL", crls[0]), pki.PEM("X509 CRL", crls[1])...))
				pki.WriteFile(t, dir, "other", p.Other.CertPEM())
				x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-Y"}, env: override(r.env, []string{strings.Replace(c.env, "DIR", dir, 1)})})
				if alert := hello(r.tweaks...)(t, x.peer); alert == "" {
					t.Error("the client got no alert")
				}
				x.peer.Close()
				if code, said := x.code(), x.stderr(); code != 98 || !strings.HasPrefix(said, "s6-tlsd-io: fatal: handshake failed: "+c.want+" (sent alert ") {
					t.Errorf("%d, %s", code, said)
				}
			})
		}
	}
}

// A client that sends and never reads ends as it would without tickets: all
// that it sent arrives, and its end is no reset.
func TestTicketsAndAClientThatOnlySends(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		for _, mode := range [][]string{nil, {"-y"}} {
			r := newRegular(t, program, mode, version, withCert(pki.New(t).Client(pki.P256)))
			for range 2 {
				x := serveWith(t, spec{program: program, args: r.args, env: r.env})
				a, c := x.talk(t, program, r.tweaks...)
				const size = 1 << 20
				go func() {
					c.Write(patternOf(size))
					x.peer.Close() // no close_notify, and nothing was read
				}()
				if got := a.readAll(a.rd); got != string(patternOf(size)) {
					t.Errorf("%d bytes arrived, or others", len(got))
				}
				a.exit(0)
				if code := x.code(); code != 0 || !farewell.MatchString(x.stderr()) {
					t.Errorf("exit code %d\n%s", code, x.stderr())
				}
			}
		}
	})
}

// prog's last words arrive with a ticket in front of them, and a prog that
// says nothing ends as always.
func TestTicketsAndAProgThatExitsAtOnce(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		for _, words := range []string{"", "221 bye\r\n"} {
			for _, flag := range []string{"-s", "-S"} {
				r := newRegular(t, program, []string{flag}, version)
				x := serveWith(t, spec{program: program, args: r.args, env: r.env})
				a, c := x.talk(t, program, r.tweaks...)
				if words != "" {
					a.write(a.wr, words)
				}
				a.exit(0)
				expectPeer(t, c, words, flag == "-S")
				c.Close()
				if code := x.code(); code != 0 || !farewell.MatchString(x.stderr()) {
					t.Errorf("exit code %d\n%s", code, x.stderr())
				}
			}
		}
	})
}

// The program, as cron and an administrator see it, and what the tunnels say
// of its file.
func TestTicketKeyFile(t *testing.T) {
	chainOnly(t, "what it says about files it says once, when it starts")
	t.Parallel()
	r := newRegular(t, "s6-tlsd", nil)
	if st, err := os.Stat(r.keys); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	data, err := os.ReadFile(r.keys)
	if err != nil || !regexp.MustCompile(`^# [^\n]+\n# [^\n]+\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Za-z0-9+/]{43}=\n$`).Match(data) {
		t.Errorf("%s, %v", data, err)
	}
	if err := os.Chmod(r.keys, 0o640); err != nil {
		t.Fatal(err)
	}
	_, summary := r.visit()
	if want := "s6-tlsd-io: warning: TLS_TICKETKEYS: " + r.keys + ": others than its owner may read or change it (chmod 600)\n"; !strings.Contains(summary, want) {
		t.Errorf("no %q in\n%s", want, summary)
	}
	r.expect(true) // it works all the same

	ticketKeys(t, r.keys) // and is private again
	stale := regexp.MustCompile(`(?m)^\d{4}`).ReplaceAllString(string(must(os.ReadFile(r.keys))), "2020")
	if st, err := os.Stat(r.keys); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if err := os.WriteFile(r.keys, []byte(stale), 0); err != nil {
		t.Fatal(err)
	}
	_, summary = r.visit()
	if !regexp.MustCompile(`s6-tlsd-io: warning: TLS_TICKETKEYS: \S+: the newest key is \d{4} days old \(rotate: s6-tls-ticketkeys\)\n`).MatchString(summary) {
		t.Errorf("no warning in\n%s", summary)
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}
