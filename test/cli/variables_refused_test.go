//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// A value that is malformed is 100; one that this build can't give, or a bad
// file, is 96; for a sandbox that can't be had see sandbox_test.go. Both sides say the same.
func TestVariablesThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := pki.WriteFile(t, dir, "text", []byte("text\n"))
	link := filepath.Join(dir, "link")
	if err := os.Symlink(text, link); err != nil {
		t.Fatal(err)
	}
	// What the backends are built for, each says in its own way.
	noFIPS := "the cryptographic module of this build ("
	netscape := "the backend " + backendName + " can't choose its ClientHello"
	unknown := 96
	switch backendName {
	case "openssl":
		noFIPS = "the FIPS provider can't be loaded: "
	case "utls":
		netscape, unknown = "unknown value netscape (one of: golang chrome ", 100
	}
	for _, c := range []struct {
		env  string
		code int
		line string
		role string // the one that reads it; empty: both
	}{
		{"TLS_MIN_VERSION=1.1", 100, "TLS_MIN_VERSION must be 1.2 or 1.3", ""},
		{"TLS_MIN_VERSION=TLSv1.2", 100, "TLS_MIN_VERSION must be 1.2 or 1.3", ""},
		{"TLS_MIN_VERSION= 1.2", 100, "TLS_MIN_VERSION must be 1.2 or 1.3", ""},
		{"TLS_MAX_VERSION=1.4", 100, "TLS_MAX_VERSION must be 1.2 or 1.3", ""},
		{"TLS_MIN_VERSION=1.3 TLS_MAX_VERSION=1.2", 100, "TLS_MIN_VERSION is above TLS_MAX_VERSION", ""},
		{"TLS_ALPN=,", 100, "TLS_ALPN: empty protocol name", ""},
		{"TLS_ALPN=smtp,", 100, "TLS_ALPN: empty protocol name", ""},
		{"TLS_ALPN=a,b,a", 100, "TLS_ALPN: a is listed twice", ""},
		{"TLS_ALPN=" + strings.Repeat("x", 256), 100, "TLS_ALPN: protocol name over 255 bytes", ""},
		{"TLS_IDLE_TIMEOUT=-1", 100, "TLS_IDLE_TIMEOUT must be an unsigned integer, milliseconds", ""},
		{"TLS_LINGER=0", 100, "TLS_LINGER must be a positive integer, milliseconds", ""},
		{"TLS_LINGER=-1", 100, "TLS_LINGER must be a positive integer, milliseconds", ""},
		{"TLS_LINGER=2h", 100, "TLS_LINGER must be a positive integer, milliseconds", ""},
		{"TLS_LINGER=4294967296", 100, "TLS_LINGER must be a positive integer, milliseconds", ""},
		{"TLS_IDLE_TIMEOUT=1.5", 100, "TLS_IDLE_TIMEOUT must be an unsigned integer, milliseconds", ""},
		{"TLS_IDLE_TIMEOUT=4294967296", 100, "TLS_IDLE_TIMEOUT must be an unsigned integer, milliseconds", ""},
		{"TLS_CRLFILE=" + text, 96, "TLS_CRLFILE: " + text + ": no CRL in it", ""},
		{"TLS_CRLFILE=" + dir, 96, "TLS_CRLFILE: " + dir + ": is a directory", ""},
		{"SSLKEYLOGFILE=" + link, 96, "SSLKEYLOGFILE: open " + link + ": is a symbolic link", ""},
		{"SSLKEYLOGFILE=" + dir, 96, "SSLKEYLOGFILE: open " + dir + ": is a directory", ""},
		{"SSLKEYLOGFILE=/dev/null", 96, "SSLKEYLOGFILE: /dev/null: is not a regular file", ""},

		{"TLS_TICKETKEYS=" + text, 96, "TLS_TICKETKEYS: " + text + ": line 1: not a time and a key", "s6-tlsd"},
		{"TLS_TICKETKEYS=" + dir, 96, "TLS_TICKETKEYS: " + dir + ": is a directory", "s6-tlsd"},
		{"TLS_TICKETKEYS=" + dir + "/none", 96, "TLS_TICKETKEYS: open " + dir + "/none: no such file or directory", "s6-tlsd"},
		{"TLS_TICKETKEYS=/dev/null", 96, "TLS_TICKETKEYS: /dev/null: holds no session ticket key (s6-tls-ticketkeys makes one)", "s6-tlsd"},
		{"TLS_FINGERPRINT=netscape", unknown, "TLS_FINGERPRINT: " + netscape, "s6-tlsc"},
		{"TLS_FIPS=require", 96, "TLS_FIPS=require: " + noFIPS, ""},
		{"TLS_FIPS=on", 100, "TLS_FIPS: unknown value on (must be require, or unset)", ""},
		{"TLS_EXPORT=mod_ssl", 96, "TLS_EXPORT=mod_ssl: not built yet", ""},
		{"TLS_EXPORT=S6", 100, "TLS_EXPORT: unknown value S6 (must be s6 or mod_ssl)", ""},
		{"TLS_KEYGUARD=2", 100, "TLS_KEYGUARD: unknown value 2 (must be 1, or unset)", ""},
		{"TLS_SANDBOX=1", 100, "TLS_SANDBOX: unknown value 1 (must be on, require or off)", ""},
	} {
		for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
			if c.role != "" && c.role != program {
				continue
			}
			t.Run(program+" "+c.env[:min(len(c.env), 40)], func(t *testing.T) {
				t.Parallel()
				var x *server
				env := strings.Split(c.env, " TLS_MAX")
				if len(env) == 2 {
					env[1] = "TLS_MAX" + env[1]
				}
				name := program + "-io"
				if program == "s6-tlsd" {
					x = serve(t, program, []string{"-y"}, env...)
				} else {
					d := dial(t, program, []string{"-k", pki.Host}, env...)
					x = &server{d.process, d.stage, d.peer}
				}
				if data, end := drain(x.peer); len(data) > 0 || end != "FIN" {
					t.Errorf("the peer got %q, %s", data, end)
				}
				x.peer.Close()
				if code := x.code(); code != c.code {
					t.Errorf("exit code %d, want %d", code, c.code)
				}
				if got := x.stderr(); !strings.HasPrefix(got, name+": fatal: "+c.line) || strings.Count(got, "\n") != 1 {
					t.Errorf("stderr %q", got)
				}
				if x.stage.started() {
					t.Error("prog was started")
				}
			})
		}
	}
}

// A delayed tool's prog runs, and finds it out when it asks for TLS.
func TestVariablesThatAreRefusedInDelayedMode(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"s6-ucspitlsd", "s6-ucspitlsc"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			begin := func(env string) *server {
				if program == "s6-ucspitlsd" {
					return serve(t, program, nil, env)
				}
				d := dial(t, program, []string{"-k", pki.Host}, env)
				return &server{d.process, d.stage, d.peer}
			}
			x := begin("TLS_SANDBOX=yes")
			a := x.stage.app()
			a.write(a.ctl, "Y")
			a.expectEnd(a.ctl, "")
			a.expectWait(100)
			a.exit(0)
			x.expect(0, "s6-tls"+program[len(program)-1:]+"-io: fatal: TLS_SANDBOX: unknown value yes (must be on, require or off)")
		})
	}
}

// A variable of the other role is not looked at, and an optional one that is
// empty counts as unset.
func TestVariablesThatAreNotLookedAt(t *testing.T) {
	t.Parallel()
	empty := []string{"TLS_MIN_VERSION=", "TLS_MAX_VERSION=", "TLS_ALPN=", "TLS_TICKETKEYS=", "TLS_CRLFILE=", "TLS_EXPORT=", "TLS_FINGERPRINT=", "TLS_FIPS=",
		"TLS_IDLE_TIMEOUT=", "TLS_LINGER=", "TLS_SANDBOX=", "TLS_KEYGUARD=", "TLS_IOD=", "SSLKEYLOGFILE=", "TLS_UID=", "TLS_GID="}
	for _, c := range []struct {
		program string
		env     []string
	}{
		{"s6-tlsd", []string{"TLS_FINGERPRINT=chrome", "CADIR=/none", "TLS_CRLFILE=/none"}}, // no client certificate is asked for
		{"s6-tlsd", empty},
		{"s6-tlsc", []string{"CERTFILE=/none", "KEYFILE=/none", "CERTFILE:x=/none", "TLS_TICKETKEYS=/none"}}, // no -y
		{"s6-tlsc", empty},
	} {
		x, conn := immediate(t, c.program, c.env)
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		x.stage.app().exit(0)
		conn.Close()
		x.expect(0, "")
	}
}
