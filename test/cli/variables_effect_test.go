//go:build linux

package cli

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
)

// The project's own variables, on both sides: each in effect.

func TestVersionVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  []string
		peer tweak
		want string // "": refused
	}{
		{nil, func(*tls.Config) {}, "TLSv1.3"},
		{nil, tls12, "TLSv1.2"},
		{[]string{"TLS_MIN_VERSION=", "TLS_MAX_VERSION="}, tls13, "TLSv1.3"},
		{[]string{"TLS_MAX_VERSION=1.2"}, func(*tls.Config) {}, "TLSv1.2"},
		{[]string{"TLS_MAX_VERSION=1.2"}, tls13, ""},
		{[]string{"TLS_MIN_VERSION=1.3"}, func(*tls.Config) {}, "TLSv1.3"},
		{[]string{"TLS_MIN_VERSION=1.3"}, tls12, ""},
		{[]string{"TLS_MIN_VERSION=1.2", "TLS_MAX_VERSION=1.2"}, func(*tls.Config) {}, "TLSv1.2"},
		{[]string{"TLS_MIN_VERSION=1.3", "TLS_MAX_VERSION=1.3"}, func(*tls.Config) {}, "TLSv1.3"},
		{[]string{"TLS_MIN_VERSION=1.2", "TLS_MAX_VERSION=1.3"}, tls12, "TLSv1.2"},
	} {
		for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
			t.Run(program+" "+strings.Join(c.env, " ")+" "+c.want, func(t *testing.T) {
				t.Parallel()
				x, conn := immediate(t, program, c.env, c.peer)
				err := conn.Handshake()
				if c.want == "" {
					if err == nil {
						t.Error("the handshake succeeded")
					}
					x.peer.Close()
					if code := x.code(); code != 98 || !strings.Contains(x.stderr(), "no protocol version in common") {
						t.Errorf("exit code %d", code)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				a := x.stage.app()
				if got, _ := a.lookup("SSL_PROTOCOL"); got != c.want {
					t.Errorf("SSL_PROTOCOL=%s, want %s", got, c.want)
				}
				x.finish(a, conn)
			})
		}
	}
}

// immediate starts s6-tlsd or s6-tlsc with a crypto/tls peer that has not
// shaken hands yet.
func immediate(t *testing.T, program string, env []string, tweaks ...tweak) (*server, *tls.Conn) {
	t.Helper()
	if isServerTool(program) {
		x := serve(t, program, nil, env...)
		return x, client(t, x.peer, tweaks...)
	}
	x := dial(t, program, []string{"-k", pki.Host}, env...)
	return &server{x.process, x.stage, x.peer}, answering(t, x.peer, tweaks...)
}

func TestALPN(t *testing.T) {
	t.Parallel()
	offers := func(names ...string) tweak { return func(c *tls.Config) { c.NextProtos = names } }
	for _, c := range []struct {
		program, variable string
		peer              []string
		want              string
		refused           bool
	}{
		{"s6-tlsd", "smtp", []string{"smtp"}, "smtp", false},
		{"s6-tlsd", "a,b,c", []string{"c", "b"}, "b", false}, // the server's order
		{"s6-tlsd", "a b,c", []string{"a b"}, "a b", false},
		{"s6-tlsd", "smtp", nil, "", false},
		{"s6-tlsd", "", []string{"smtp"}, "", false},
		{"s6-tlsd", "smtp", []string{"imap"}, "", true},
		{"s6-tlsc", "smtp", []string{"smtp"}, "smtp", false},
		{"s6-tlsc", "a,b,c", []string{"c", "b"}, "c", false}, // the server's again
		{"s6-tlsc", "smtp", nil, "", false},
		{"s6-tlsc", "", []string{"smtp"}, "", false},
		{"s6-tlsc", "smtp", []string{"imap"}, "", true},
	} {
		for _, v := range versions {
			t.Run(c.program+" "+c.variable+" "+strings.Join(c.peer, ",")+" "+v.name, func(t *testing.T) {
				t.Parallel()
				x, conn := immediate(t, c.program, []string{"TLS_ALPN=" + c.variable}, v.tweak, offers(c.peer...))
				err := conn.Handshake()
				if c.refused {
					if err == nil && c.program == "s6-tlsd" && v.name == "TLSv1.2" {
						t.Error("the handshake succeeded")
					}
					x.peer.Close()
					if code := x.code(); code != 98 || !strings.Contains(x.stderr(), "no application protocol in common") {
						t.Errorf("exit code %d", code)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				a := x.stage.app()
				if got, ok := a.lookup("SSL_ALPN"); got != c.want || ok != (c.want != "") {
					t.Errorf("SSL_ALPN=%s, want %s", got, c.want)
				}
				x.finish(a, conn)
			})
		}
	}
}

// Revoked, on either side; and no current list for an issuer.
func TestCRLs(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
		theirs := p.Client(pki.P256)
		if program == "s6-tlsc" {
			theirs = p.Server(pki.P256)
		}
		old := time.Now().Add(-time.Hour)
		for _, c := range []struct {
			name  string
			lists [][]byte
			der   bool
			why   string
		}{
			{"good", p.CRLs(), false, ""},
			{"somebody else is revoked", p.CRLs(p.Client(pki.P521)), false, ""},
			{"revoked", p.CRLs(theirs), false, "the peer's certificate is revoked"},
			{"the issuer is revoked", [][]byte{p.CRL(pki.CRLSpec{Issuer: p.Root, Revoked: []*pki.Cert{p.Intermediate}}), p.CRL(pki.CRLSpec{})}, false, "the peer's certificate is revoked"},
			{"no list of the root", p.CRLs()[1:], false, "there is no current CRL for the peer's certificate"},
			{"no list of the issuer", p.CRLs()[:1], true, "there is no current CRL for the peer's certificate"},
			{"an old list", [][]byte{p.CRLs()[0], p.CRL(pki.CRLSpec{ThisUpdate: old.Add(-time.Hour), NextUpdate: old})}, false, "there is no current CRL for the peer's certificate"},
			{"a list of tomorrow", [][]byte{p.CRLs()[0], p.CRL(pki.CRLSpec{ThisUpdate: time.Now().Add(time.Hour)})}, false, "there is no current CRL for the peer's certificate"},
			{"a forged list", [][]byte{p.CRLs()[0], forgedCRL(p)}, false, "there is no current CRL for the peer's certificate"},
		} {
			for _, v := range versions {
				t.Run(program+" "+c.name+" "+v.name, func(t *testing.T) {
					t.Parallel()
					data := pki.PEM("X509 CRL", c.lists...)
					if c.der {
						data = c.lists[0]
					}
					env := []string{"TLS_CRLFILE=" + pki.WriteFile(t, t.TempDir(), "crl", data)}
					var x *server
					var conn *tls.Conn
					if program == "s6-tlsd" {
						x = serve(t, program, []string{"-y"}, env...)
						conn = client(t, x.peer, v.tweak, withCert(theirs))
					} else {
						x, conn = immediate(t, program, env, v.tweak)
					}
					err := conn.Handshake()
					if c.why == "" {
						if err != nil {
							t.Fatal(err)
						}
						x.stage.app().exit(0)
						conn.Close()
						x.expect(0, "")
						return
					}
					for err == nil {
						_, err = conn.Read(make([]byte, 100))
					}
					alert := alertOf(err)
					x.peer.Close()
					role := "s6-tlsd-io"
					if program == "s6-tlsc" {
						role = "s6-tlsc-io"
					}
					x.expect(98, role+": fatal: handshake failed: "+c.why+" (sent alert "+alert+")")
				})
			}
		}
	}
}

// forgedCRL says that it is the intermediate's and is signed with another key.
func forgedCRL(p *pki.PKI) []byte {
	thief := *p.Intermediate
	thief.Key = p.Other.Key
	cert := *p.Intermediate.X509
	cert.PublicKey = p.Other.Key.Public() // or it could not be made
	thief.X509 = &cert
	return p.CRL(pki.CRLSpec{Issuer: &thief})
}

// secrets are the lines of a key log that every library writes, sorted.
func secrets(log string) []string {
	lines := slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool { return strings.HasPrefix(line, "EXPORTER_SECRET ") })
	slices.Sort(lines)
	return lines
}

// The key log: what opens the session's records is in it, nobody else can
// read it, and its use is never silent.
func TestKeyLog(t *testing.T) {
	chainOnly(t, "what it says about files it says once, when it starts")
	t.Parallel()
	for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
		for _, v := range versions {
			t.Run(program+" "+v.name, func(t *testing.T) {
				t.Parallel()
				log := filepath.Join(t.TempDir(), "log")
				var theirs bytes.Buffer
				var random []byte
				for range 2 { // the second session's lines stand behind the first one's
					x, conn := immediate(t, program, []string{"SSLKEYLOGFILE=" + log}, v.tweak, func(c *tls.Config) { c.KeyLogWriter = &theirs })
					if err := conn.Handshake(); err != nil {
						t.Fatal(err)
					}
					random = nil
					a := x.stage.app()
					if _, ok := a.lookup("SSLKEYLOGFILE"); ok {
						t.Error("prog has SSLKEYLOGFILE")
					}
					a.exit(0)
					conn.Close()
					x.expect(0, program+"-io: warning: the secrets of this session are written to "+log+" (SSLKEYLOGFILE)")
				}
				got, err := os.ReadFile(log)
				if err != nil {
					t.Fatal(err)
				}
				// Libraries differ in the order, and OpenSSL has an EXPORTER_SECRET.
				if !slices.Equal(secrets(string(got)), secrets(theirs.String())) || len(got) == 0 {
					t.Errorf("the log has\n%s\nwant\n%s", got, theirs.String())
				}
				if st, _ := os.Stat(log); st.Mode().Perm() != 0o600 {
					t.Errorf("mode %v", st.Mode())
				}
				for line := range strings.Lines(string(got)) {
					words := strings.Fields(line)
					if len(words) != 3 {
						t.Fatalf("line %q", line)
					}
					if random, err = hex.DecodeString(words[1]); err != nil || len(random) != 32 {
						t.Errorf("line %q", line)
					}
				}
			})
		}
	}
	t.Run("no log, no file", func(t *testing.T) {
		t.Parallel()
		x, conn := immediate(t, "s6-tlsd", []string{"SSLKEYLOGFILE="})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		x.stage.app().exit(0)
		conn.Close()
		x.expect(0, "")
	})
}

func TestIdleTimeoutOfAClient(t *testing.T) {
	t.Parallel()
	x := dial(t, "s6-tlsc", []string{"-S", "-k", pki.Host}, "TLS_IDLE_TIMEOUT=2000")
	a, c := x.greet("")
	for range 4 { // each byte starts the clock anew
		time.Sleep(600 * time.Millisecond)
		echo(t, a, c)
	}
	began := time.Now()
	a.expectEnd(a.rd, "")
	expectPeer(t, c, "", false) // prog had not said that this was all
	if took := time.Since(began); took < time.Second || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	c.Close()
	a.expectWait(98)
	a.exit(0)
	x.expect(0, "s6-tlsc-io: fatal: idle for 2000 ms (TLS_IDLE_TIMEOUT)")
}
