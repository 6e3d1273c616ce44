//go:build linux

package cli

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

func serverHash(c *pki.Cert) string {
	sum := sha256.Sum256(c.DER())
	return "SSL_PEER_CERT_HASH=SHA256:" + hex.EncodeToString(sum[:])
}

// What a client's prog is told, in its environment or after "Y".
func TestInformationOfClients(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	hash := serverHash(p.Server(pki.P256))
	const subject = "SSL_PEER_CERT_SUBJECT=/C=XX/O=Test/CN=test server"
	for _, c := range []struct {
		name   string
		args   []string
		env    []string
		tweaks []tweak
		want   []string
	}{
		{"TLSv1.2", []string{"-k", "localhost"}, nil, []tweak{tls12},
			[]string{"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject}},
		{"TLSv1.3", []string{"-k", "localhost"}, nil, []tweak{tls13},
			[]string{"SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=TLS_AES_128_GCM_SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject}},
		{"an address", []string{"-k", "127.0.0.1"}, nil, []tweak{tls13},
			[]string{"SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=TLS_AES_128_GCM_SHA256", hash, subject}},
		{"not verified", []string{"-k", "other.example", "--no-verify-cert"}, []string{"CAFILE"}, []tweak{tls13},
			[]string{"SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=TLS_AES_128_GCM_SHA256", "SSL_TLS_SNI_SERVERNAME=other.example"}},
		{"ALPN", []string{"-k", "localhost"}, []string{"TLS_ALPN=x,smtp"},
			[]tweak{tls12, func(c *tls.Config) { c.NextProtos = []string{"smtp"} }},
			[]string{"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject, "SSL_ALPN=smtp"}},
		{"ALPN that the server does not know", []string{"-k", "localhost"}, []string{"TLS_ALPN=x"}, []tweak{tls12},
			[]string{"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost", hash, subject}},
	} {
		for _, program := range clients {
			t.Run(program+" "+c.name, func(t *testing.T) {
				t.Parallel()
				env := append([]string{"SSL_PEER_CERT_HASH=forged", "SSL_ALPN=forged", "SSL_SERVER_S_DN=forged"}, c.env...)
				x := dial(t, program, c.args, env...)
				a, conn := x.greet("Y", c.tweaks...)
				var got []string
				if x.wait {
					got = strings.Split(strings.TrimSuffix(a.readAll(a.ctl), "\x00\x00"), "\x00")
				}
				for _, item := range a.Env {
					if strings.HasPrefix(item, "SSL_") {
						got = append(got, item)
					}
				}
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
					t.Errorf("\n got %q\nwant %q", got, c.want)
				}
				echo(t, a, conn)
				a.exit(0)
				conn.Close()
				x.expect(0, "")
			})
		}
	}
}

// A certificate's subject may be long, and no value is ever cut: what does not
// fit into an environment ends the session before prog.
func TestLongSubjectOfAServer(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	with := func(units int) *pki.Cert {
		return p.Issue(pki.Spec{Issuer: p.Intermediate, Name: "long", DNS: []string{pki.Host}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			Edit: func(c *x509.Certificate) {
				for range units {
					c.Subject.OrganizationalUnit = append(c.Subject.OrganizationalUnit, strings.Repeat("y", 145)) // 150 with " + OU="
				}
			}})
	}
	t.Run("90 kB", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-tlsc", []string{"-k", pki.Host})
		a, c := x.greet("", showing(with(600)))
		if got, _ := a.lookup("SSL_PEER_CERT_SUBJECT"); len(got) < 90000 || !strings.HasSuffix(got, "/CN=long") {
			t.Errorf("subject of %d bytes", len(got))
		}
		a.exit(0)
		c.Close()
		x.expect(0, "")
	})
	t.Run("120 kB", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-tlsc", []string{"-k", pki.Host})
		c := answering(t, x.peer, showing(with(800)))
		c.Handshake()
		x.expect(98, "s6-tlsc: fatal: SSL_PEER_CERT_SUBJECT of the peer is too long for the environment")
		if x.stage.started() {
			t.Error("prog was started")
		}
	})
	t.Run("120 kB, delayed: a blob has no limit", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-ucspitlsc", []string{"-k", pki.Host})
		a, c := x.greet("Y", showing(with(800)))
		blob := a.readAll(a.ctl)
		if len(blob) < 120000 || !strings.HasSuffix(blob, "/CN=long\x00\x00") {
			t.Errorf("blob of %d bytes", len(blob))
		}
		echo(t, a, c)
		a.exit(0)
		c.Close()
		x.expect(0, "")
	})
}

func TestEnvironmentOfClients(t *testing.T) {
	t.Parallel()
	for _, program := range clients {
		for _, c := range []struct {
			name string
			args []string
			keep bool
		}{{"default", nil, false}, {"-z", []string{"-z"}, false}, {"-Z", []string{"--keep"}, true}, {"-Z -z", []string{"-Zz"}, false}} {
			t.Run(program+" "+c.name, func(t *testing.T) {
				t.Parallel()
				base, dir := trusting(t)
				env := append([]string{}, base...)
				env = append(env, "SSLCTLFD=77", "SSLREADFD=78", "SSLWRITEFD=79", "SSLKEYLOGFILE="+dir+"/log", "CADIR=", "TLS_MIN_VERSION=1.2", "TLS_MAX_VERSION=1.3",
					"TLS_ALPN=smtp", "TLS_IDLE_TIMEOUT=0", "TLS_EXPORT=s6", "TLS_SANDBOX=off", "TLS_UID=0", "TLS_GID=0", "TLS_FINGERPRINT=golang", "CERTFILE:x=/x", "KEYFILE:x=/x")
				for _, name := range identity {
					env = append(env, name+"=stale")
				}
				for _, name := range nearMisses {
					value, ok := harmless[name]
					if !ok {
						value = "stale"
					}
					env = append(env, name+"="+value)
				}
				x := dialWith(t, spec{program: program, args: append([]string{"-v0", "-k", pki.Host}, c.args...), env: env})
				a, conn := x.greet("y")
				want := []string{"PATH", appVariable}
				for _, item := range env {
					name, _, _ := strings.Cut(item, "=")
					switch {
					case slices.Contains(identity, name), strings.HasPrefix(name, "SSL") && strings.HasSuffix(name, "FD"):
					case slices.Contains(configuration, name), name == "CERTFILE:x", name == "KEYFILE:x", name == "CERTFILE", name == "KEYFILE":
						if c.keep {
							want = append(want, name)
						}
					default:
						want = append(want, name)
					}
				}
				if x.wait {
					want = append(want, "SSLCTLFD", "SSLREADFD", "SSLWRITEFD")
				} else {
					want = append(want, "SSL_PROTOCOL", "SSL_CIPHER", "SSL_TLS_SNI_SERVERNAME", "SSL_PEER_CERT_HASH", "SSL_PEER_CERT_SUBJECT")
				}
				a.expectVariables(want)
				a.exit(0)
				conn.Close()
				x.expect(0, "")
			})
		}
	}
}
