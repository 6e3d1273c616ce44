//go:build linux

package cli

import (
	"crypto/tls"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// Certificates that are good, for both server tools: what is verified is exported.
func TestGoodClientCertificates(t *testing.T) {
	p := pki.New(t)
	for _, k := range pki.KeyTypes {
		for _, flag := range []string{"-y", "-Y", "--mandatory-client-cert", "--client-cert", "-Yy", "-yY"} {
			if k != pki.P256 && len(flag) > 2 {
				continue
			}
			t.Run(string(k)+" "+flag, func(t *testing.T) {
				eachServer(t, func(t *testing.T, program string, version tweak) {
					x, a, c := talk(t, program, []string{flag}, version, withCert(p.Client(k)))
					if !delayed(program) {
						if got, _ := a.lookup("SSL_PEER_CERT_HASH"); "SSL_PEER_CERT_HASH="+got != serverHash(p.Client(k)) {
							t.Errorf("hash %q", got)
						}
						if got, _ := a.lookup("SSL_PEER_CERT_SUBJECT"); got != "/C=XX/O=Test/CN=test client" {
							t.Errorf("subject %q", got)
						}
					}
					echo(t, a, c)
					x.finish(a, c)
				})
			})
		}
	}
}

// A certificate without an extended key usage is good for everything.
func TestClientCertificateForEverything(t *testing.T) {
	t.Parallel()
	x, a, c := talk(t, "s6-tlsd", []string{"-y"}, withCert(pki.New(t).BadClient(pki.NoUse)))
	if _, ok := a.lookup("SSL_PEER_CERT_HASH"); !ok {
		t.Error("it is not reported")
	}
	x.finish(a, c)
}

// A certificate that was refused leaves no trace in what a delayed prog is
// told: it reads an EOF and no byte. An immediate one never runs.
func TestNothingIsExportedOfARefusedCertificate(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	thief := *p.BadClient(pki.NoChain) // the worst case of the original: somebody's public certificate, and another key
	thief.Key = p.Server(pki.P256).Key
	for name, cert := range map[string]*pki.Cert{
		"unknown CA": p.BadClient(pki.UnknownCA), "expired": p.BadClient(pki.Expired), "not yet": p.BadClient(pki.NotYet), "for servers": p.BadClient(pki.WrongUse),
		"no intermediate": p.BadClient(pki.NoChain), "no intermediate and another's key": &thief, "from a leaf": p.BadClient(pki.FromLeaf), "expired issuer": p.BadClient(pki.LateIssuer),
	} {
		for _, flag := range []string{"-y", "-Y"} {
			for _, v := range versions {
				t.Run(name+" "+flag+" "+v.name, func(t *testing.T) {
					t.Parallel()
					x := serve(t, "s6-ucspitlsd", []string{flag, "-v0"}, "SSL_PEER_CERT_HASH=forged")
					a := x.stage.app()
					if _, ok := a.lookup("SSL_PEER_CERT_HASH"); ok {
						t.Error("prog has an inherited SSL_PEER_CERT_HASH")
					}
					a.write(a.ctl, "Y")
					if alert := hello(withCert(cert), v.tweak)(t, x.peer); alert == "" {
						t.Error("the peer got no alert")
					}
					x.peer.Close()
					a.expectEnd(a.ctl, "")
					a.expectEnd(a.rd, "")
					a.expectWait(98)
					a.exit(0)
					x.expect(0, "")
				})
			}
		}
	}
}

// A certificate is not looked at where none was asked for, whatever it is.
func TestClientCertificateNotAskedFor(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		asked := false
		x := serve(t, program, nil, "CAFILE=/none", "CADIR=/none") // not read either
		var a *app
		if delayed(program) {
			a = x.stage.app()
			a.write(a.ctl, "Y")
		}
		c := handshake(t, x.peer, version, func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				return &tls.Certificate{}, nil
			}
		})
		if a == nil {
			a = x.stage.app()
		} else if blob := a.readAll(a.ctl); strings.Contains(blob, "PEER") {
			t.Errorf("blob %q", blob)
		}
		if _, ok := a.lookup("SSL_PEER_CERT_HASH"); ok || asked {
			t.Errorf("asked for: %v; reported: %v", asked, ok)
		}
		x.finish(a, c)
	})
}
