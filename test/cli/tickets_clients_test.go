//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// Sessions are resumed by processes that have nothing in common but a file.

// The clients that people use keep their sessions in files, or come twice.
func TestTicketsOfRealClients(t *testing.T) {
	t.Parallel()
	openssl := need.Program(t, "openssl", "openssl")
	t.Run("s_client", func(t *testing.T) {
		for _, flag := range []string{"-tls1_2", "-tls1_3"} {
			t.Run(flag, func(t *testing.T) {
				t.Parallel()
				r := newRegular(t, "s6-tlsd", []string{"-S"})
				dir := filepath.Dir(r.keys)
				for n := range 3 {
					x := inetd(t, spec{program: "s6-tlsd", args: []string{"-S", "--", "sh", "-c", "echo 220 here; read line; echo $line"}, env: r.env})
					args := []string{"s_client", "-connect", x.address, "-CAfile", dir + "/ca.pem", flag, "-sess_out", dir + "/session"}
					if n > 0 {
						args = append(args, "-sess_in", dir+"/session")
					}
					out := converse(t, "hello\n", openssl, args...)
					x.expect(t, 0, "")
					want := "Reused, TLSv1."
					if n == 0 {
						want = "New, TLSv1."
					}
					if !strings.Contains(out, want) || !strings.Contains(out, "Verify return code: 0 (ok)") {
						t.Errorf("visit %d: no %q in\n%s", n, want, out)
					}
					if flag == "-tls1_3" {
						if tickets := strings.Count(out, "Post-Handshake New Session Ticket arrived"); tickets != 1 {
							t.Errorf("visit %d: %d tickets", n, tickets)
						}
						// A key exchange in each: forward secrecy.
						if !strings.Contains(out, "Server Temp Key: ") {
							t.Errorf("visit %d: no key exchange", n)
						}
						if !strings.Contains(out, "Max Early Data: 0\n") {
							t.Errorf("visit %d: early data", n)
						}
					}
					if hint := regexp.MustCompile(`lifetime hint: (\d+)`).FindStringSubmatch(out); hint != nil {
						if s, _ := strconv.Atoi(hint[1]); s > 7*24*3600 {
							t.Errorf("a ticket for %d s", s)
						}
					}
				}
			})
		}
	})
	t.Run("s_client that forgets extended_master_secret", func(t *testing.T) {
		t.Parallel()
		r := newRegular(t, "s6-tlsd", nil)
		dir := filepath.Dir(r.keys)
		without := pki.WriteFile(t, dir, "openssl.cnf", []byte("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = s\n[s]\nOptions = -ExtendedMasterSecret\n"))
		session := "-sess_out"
		for _, c := range []struct{ config, want string }{{"/dev/null", "New, "}, {without, "New, "}, {"/dev/null", "Reused, "}} {
			x := inetd(t, spec{program: "s6-tlsd", args: []string{"-S", "--", "echo", "hello"}, env: r.env})
			out := converse(t, "", "env", "OPENSSL_CONF="+c.config, openssl, "s_client", "-connect", x.address, "-CAfile", dir+"/ca.pem", "-tls1_2", session, dir+"/session")
			x.expect(t, 0, "")
			if !strings.Contains(out, c.want) || !strings.Contains(out, "hello\n") {
				t.Errorf("no %q in\n%s", c.want, out)
			}
			session = "-sess_in"
		}
	})
	t.Run("gnutls-cli", func(t *testing.T) {
		t.Parallel()
		gnutls := need.Program(t, "gnutls-cli", "gnutls-bin")
		for _, version := range []string{"VERS-TLS1.2", "VERS-TLS1.3"} {
			r := newRegular(t, "s6-tlsd", nil)
			l := start(t, spec{program: "s6-tlsserver", args: []string{"-1", "-H", "127.0.0.1", "0", "sh", "-c", "echo 220 here; read line; echo $line"}, env: r.env,
				files: map[int]*os.File{0: devNull(t)}, stdout: true})
			port, _ := l.Line()
			out := converse(t, "hello\n", gnutls, "--resume", "--waitresumption", "--x509cafile="+filepath.Dir(r.keys)+"/ca.pem", "--priority=NORMAL:-VERS-ALL:+"+version, "--port="+port, "localhost")
			if !strings.Contains(out, "*** This is a resumed session") {
				t.Errorf("%s:\n%s", version, out)
			}
		}
	})
}
