//go:build linux

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// refusedBy is a crypto/tls server until a client has gone; it gives the alert that it got.
func refusedBy(t *testing.T, conn *tap, tweaks ...tweak) string {
	c := answering(t, conn, tweaks...)
	err := c.Handshake()
	for err == nil {
		_, err = c.Read(make([]byte, 1024))
	}
	return alertOf(err)
}

// What can be wrong with a server's certificate: the code, the line and the
// alert, and prog never runs; with --no-verify-cert none of it matters, and
// nothing of the certificate is exported.
func TestServerCertificates(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	impostor := *p.Server(pki.P256)
	impostor.Key = p.Client(pki.P256).Key
	wild := p.BadServer(pki.Wildcard) // *.example.org
	tld := p.Issue(pki.Spec{Name: "all of org", Issuer: p.Intermediate, DNS: []string{"*.org", "f*.example.org", "*.*.example.net"}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	const (
		other   = "the peer's certificate is for another name"
		unknown = "the peer's certificate is not signed by a trust anchor"
		late    = "the peer's certificate has expired"
		purpose = "the peer's certificate is not meant for this use"
		weak    = "the peer's certificate has an RSA key under 2048 bits or a weak signature"
	)
	for _, c := range []struct {
		name string
		cert *pki.Cert
		ask  string // -k
		why  string // "": it is good
	}{
		{"good", p.Server(pki.P256), "localhost", ""},
		{"good, upper case", p.Server(pki.P384), "LocalHost", ""},
		{"good, trailing dot", p.Server(pki.RSA2048), "localhost.", ""},
		{"good, Ed25519", p.Server(pki.Ed25519), "localhost", ""},
		{"good, address", p.Server(pki.P256), "127.0.0.1", ""},
		{"good, address of IPv6", p.Server(pki.P256), "::1", ""},
		{"good, address of IPv6 in full", p.Server(pki.P256), "0:0:0:0:0:0:0:1", ""},
		{"good, only an address", p.BadServer(pki.OnlyIP), "127.0.0.1", ""},
		{"good, wildcard", wild, "www.example.org", ""},
		{"good, no usage", p.BadServer(pki.NoUse), "localhost", ""},
		{"good, empty subject", p.BadServer(pki.EmptySubject), "localhost", ""},

		{"wrong name", p.BadServer(pki.WrongName), "localhost", other},
		{"wrong name, of the good one", p.Server(pki.P256), "other.example", other},
		{"wrong address", p.Server(pki.P256), "127.0.0.2", other},
		{"address in a name", p.BadServer(pki.WrongName), "127.0.0.1", other},
		{"name, but only an address", p.BadServer(pki.OnlyIP), "localhost", other},
		{"common name only", p.BadServer(pki.CNOnly), "localhost", other},
		{"wildcard, two labels", wild, "a.b.example.org", other},
		{"wildcard, no label", wild, "example.org", other},
		{"wildcard, other domain", wild, "www.example.net", other},
		{"wildcard in the middle of a label", tld, "foo.example.org", other},
		{"wildcard for a top-level domain", tld, "example.org", other},
		{"two wildcards", tld, "a.b.example.net", other},
		{"unknown CA", p.BadServer(pki.UnknownCA), "localhost", unknown},
		{"self-signed", p.BadServer(pki.SelfSigned), "localhost", unknown},
		{"missing intermediate", p.BadServer(pki.NoChain), "localhost", unknown},
		{"expired", p.BadServer(pki.Expired), "localhost", late},
		{"not yet valid", p.BadServer(pki.NotYet), "localhost", "the peer's certificate is not valid yet"},
		{"expired issuer", p.BadServer(pki.LateIssuer), "localhost", late},
		{"for clients", p.BadServer(pki.WrongUse), "localhost", purpose},
		{"RSA-1024", p.BadServer(pki.Weak), "localhost", weak},
		{"issuer with RSA-1024", p.BadServer(pki.WeakIssuer), "localhost", weak},
		{"SHA-1", p.BadServer(pki.SHA1), "localhost", weak},
		{"from a leaf", p.BadServer(pki.FromLeaf), "localhost", unknown},
		{"another's key", &impostor, "localhost", "the peer did not prove that it has its private key"},
	} {
		for _, v := range versions {
			t.Run(c.name+" "+v.name, func(t *testing.T) {
				t.Parallel()
				x := dial(t, "s6-tlsc", []string{"-k", c.ask})
				if c.why == "" {
					a, conn := x.greet("", showing(c.cert), v.tweak)
					if got, _ := a.lookup("SSL_PEER_CERT_HASH"); "SSL_PEER_CERT_HASH="+got != serverHash(c.cert) {
						t.Errorf("hash %q", got)
					}
					a.exit(0)
					conn.Close()
					x.expect(0, "")
					return
				}
				alert := refusedBy(t, x.peer, showing(c.cert), v.tweak)
				x.peer.Close()
				if alert == "" && v.name == "TLSv1.2" {
					t.Error("the server got no alert")
				}
				if code := x.code(); code != 98 {
					t.Errorf("exit code %d", code)
				}
				if got := x.stderr(); !strings.HasPrefix(got, "s6-tlsc-io: fatal: handshake failed: "+c.why) || strings.Count(got, "\n") != 1 {
					t.Errorf("stderr %q", got)
				} else if alert != "" && !strings.HasSuffix(got, " (sent alert "+alert+")\n") {
					t.Errorf("stderr %q, and the server got the alert %s", got, alert)
				}
				if x.stage.started() {
					t.Error("prog was started")
				}
			})
			t.Run(c.name+" "+v.name+" --no-verify-cert", func(t *testing.T) {
				t.Parallel()
				x := dial(t, "s6-tlsc", []string{"--no-verify-cert", "-k", c.ask}, "CAFILE", "CERTFILE", "KEYFILE")
				if c.cert == &impostor { // the key is proven all the same
					refusedBy(t, x.peer, showing(c.cert), v.tweak)
					x.peer.Close()
					if code := x.code(); code != 98 {
						t.Errorf("exit code %d", code)
					}
					return
				}
				a, conn := x.greet("", showing(c.cert), v.tweak)
				for _, item := range a.Env {
					if strings.HasPrefix(item, "SSL_PEER_") {
						t.Errorf("exported though not verified: %s", item)
					}
				}
				echo(t, a, conn)
				a.exit(0)
				conn.Close()
				x.expect(0, "")
			})
		}
	}
}

// Under both versions the alert reaches a server that has already sent data.
func TestAlertReachesABusyServer(t *testing.T) {
	eachClient(t, func(t *testing.T, program string, version tweak) {
		x := dial(t, program, []string{"-v0", "-k", "other.example"})
		var a *app
		if x.wait {
			a = x.app()
			a.write(a.ctl, "Y")
		}
		c := answering(t, x.peer, version)
		err := c.Handshake()
		if err == nil {
			c.Write(patternOf(100 << 10))
		}
		for err == nil {
			_, err = c.Read(make([]byte, 1024))
		}
		if alert := alertOf(err); alert != "bad_certificate" {
			t.Errorf("the server got %v", err)
		}
		x.peer.Close()
		if a == nil {
			x.expect(98, "")
			return
		}
		a.expectEnd(a.ctl, "")
		a.expectEnd(a.rd, "")
		a.expectWait(98)
		a.expectFault(7, "broken pipe")
		a.exit(0)
		x.expect(0, "")
	})
}

// -y sends the certificate of CERTFILE; without it none is sent, though the variables are set.
func TestClientSendsItsCertificate(t *testing.T) {
	p := pki.New(t)
	eachClient(t, func(t *testing.T, program string, version tweak) {
		for _, args := range []string{"-y", "--client-cert", "-Yy"} {
			x, a, c := meet(t, program, "Y", append(strings.Fields(args), "-k", pki.Host), version, demanding(t))
			if got := c.ConnectionState().PeerCertificates; len(got) != 2 || !got[0].Equal(p.Client(pki.P256).X509) {
				t.Errorf("%s: the server got %d certificates", args, len(got))
			}
			echo(t, a, c)
			a.exit(0)
			c.Close()
			x.expect(0, "")
		}
		for _, args := range []string{"", "-Y", "-yY", "-y --no-client-cert"} {
			x, a, c := meet(t, program, "Y", append(strings.Fields(args), "-k", pki.Host), version, func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert })
			if got := c.ConnectionState().PeerCertificates; len(got) != 0 {
				t.Errorf("%s: the server got %d certificates", args, len(got))
			}
			a.exit(0)
			c.Close()
			x.expect(0, "")
		}
	})
}

// A server that insists. Under TLS 1.3 the client learns it too late: prog may
// run, and then its tunnel ends with 98.
func TestServerRefusesTheClient(t *testing.T) {
	t.Parallel()
	const refused = "s6-tlsc-io: fatal: "
	t.Run("TLSv1.2", func(t *testing.T) {
		t.Parallel()
		x := dial(t, "s6-tlsc", []string{"-k", pki.Host})
		refusedBy(t, x.peer, tls12, demanding(t))
		x.peer.Close()
		x.expect(98, refused+"handshake failed: the peer refused the handshake (peer sent alert handshake_failure)")
		if x.stage.started() {
			t.Error("prog was started")
		}
	})
	for _, program := range clients {
		t.Run("TLSv1.3 "+program, func(t *testing.T) {
			t.Parallel()
			x := dial(t, program, []string{"-k", pki.Host})
			var a *app
			if x.wait {
				a = x.app()
				a.write(a.ctl, "Y")
			}
			refusedBy(t, x.peer, tls13, demanding(t))
			x.peer.Close()
			if a == nil {
				a = x.app()
			} else if !strings.HasPrefix(a.readAll(a.ctl), "SSL_PROTOCOL=TLSv1.3\x00") {
				t.Error("no blob")
			}
			a.expectEnd(a.rd, "")
			a.expectWait(98)
			a.exit(0)
			x.expect(0, refused+"the peer ended the session (peer sent alert certificate_required)")
		})
	}
}

// The files of a client: what is missing or wrong, and nothing is sent.
func TestWrongFilesOfAClient(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	for _, c := range []struct {
		name, args string
		env        func(dir string) []string
		code       int
		line       string // FOLDER
	}{
		{"no anchors", "", func(string) []string { return []string{"CAFILE"} }, 100, "CADIR or CAFILE not set"},
		{"empty anchors", "", func(string) []string { return []string{"CAFILE=", "CADIR="} }, 100, "CADIR or CAFILE not set"},
		{"CAFILE missing", "", func(d string) []string { return []string{"CAFILE=" + d + "/none"} }, 96, "CAFILE: open FOLDER/none: no such file or directory"},
		{"CAFILE empty", "", func(d string) []string { return []string{"CAFILE=" + pki.WriteFile(t, d, "x", nil)} }, 96, "CAFILE: FOLDER/x: the file is empty"},
		{"CAFILE a key", "", func(d string) []string { return []string{"CAFILE=" + d + "/client.key"} }, 96, "CAFILE: FOLDER/client.key: no certificate in it"},
		{"CADIR missing", "", func(d string) []string { return []string{"CADIR=" + d + "/none"} }, 96, "CADIR: open FOLDER/none: no such file or directory"},
		{"CADIR without one", "", func(d string) []string { os.Mkdir(d+"/sub", 0o755); return []string{"CADIR=" + d + "/sub"} }, 96, "CADIR: no trust anchor found in FOLDER/sub"},
		{"-y, CERTFILE unset", "-y", func(string) []string { return []string{"CERTFILE"} }, 100, "CERTFILE not set"},
		{"-y, KEYFILE unset", "-y", func(string) []string { return []string{"KEYFILE"} }, 100, "KEYFILE not set"},
		{"-y, CERTFILE missing", "-y", func(d string) []string { return []string{"CERTFILE=" + d + "/none"} }, 96, "CERTFILE: open FOLDER/none: no such file or directory"},
		{"-y, KEYFILE text", "-y", func(d string) []string { return []string{"KEYFILE=" + pki.WriteFile(t, d, "x", []byte("text\n"))} }, 96, "KEYFILE: FOLDER/x: no private key in it"},
		{"-y, another's key", "-y", func(d string) []string {
			return []string{"KEYFILE=" + pki.WriteFile(t, d, "x", p.Server(pki.P256).KeyPEM())}
		}, 96, "KEYFILE: FOLDER/x: private key does not match the certificate"},
		{"-y --no-verify-cert, CERTFILE unset", "-y --no-verify-cert", func(string) []string { return []string{"CERTFILE", "CAFILE"} }, 100, "CERTFILE not set"},
		{"TLS_CRLFILE missing", "", func(d string) []string { return []string{"TLS_CRLFILE=" + d + "/none"} }, 96, "TLS_CRLFILE: open FOLDER/none: no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			base, dir := trusting(t)
			x := dialWith(t, spec{program: "s6-tlsc", args: append(strings.Fields(c.args), "-k", pki.Host), env: override(base, c.env(dir))})
			if data, end := drain(x.peer); len(data) > 0 || end != "FIN" {
				t.Errorf("the peer got %q, %s", data, end)
			}
			x.peer.Close()
			x.expect(c.code, "s6-tlsc-io: fatal: "+strings.ReplaceAll(c.line, "FOLDER", dir))
			if x.stage.started() {
				t.Error("prog was started")
			}
		})
	}
}

// Without a name the chain is verified, and that is said.
func TestNoServerNameIsGiven(t *testing.T) {
	eachClient(t, func(t *testing.T, program string, version tweak) {
		for _, args := range [][]string{nil, {"-k", ""}} {
			sent := "none"
			x, a, c := meet(t, program, "y", args, version, func(c *tls.Config) {
				c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { sent = h.ServerName; return nil, nil }
			})
			if sent != "" {
				t.Errorf("server name %q was sent", sent)
			}
			a.exit(0)
			c.Close()
			x.expect(0, "s6-tlsc-io: warning: no server name given, the peer's name is not verified")
		}
		x := dial(t, program, nil)
		if x.wait {
			a := x.app()
			a.write(a.ctl, "y")
			a.send(step{Do: "wait"}, step{Do: "exit"})
		}
		refusedBy(t, x.peer, version, showing(pki.New(t).BadServer(pki.UnknownCA)))
		x.peer.Close()
		if out := x.stderr(); !strings.Contains(out, "not signed by a trust anchor") {
			t.Errorf("stderr %q", out)
		}
	})
}

// What is sent as the server name: never an address, never a final dot.
func TestServerNameThatIsSent(t *testing.T) {
	t.Parallel()
	for ask, want := range map[string]string{"localhost": "localhost", "LocalHost": "LocalHost", "localhost.": "localhost", "127.0.0.1": "", "::1": ""} {
		sent := "none"
		x, a, c := meet(t, "s6-tlsc", "", []string{"--servername=" + ask}, func(c *tls.Config) {
			c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { sent = h.ServerName; return nil, nil }
		})
		if sent != want {
			t.Errorf("-k %s: %q was sent, want %q", ask, sent, want)
		}
		a.exit(0)
		c.Close()
		x.expect(0, "")
	}
}
