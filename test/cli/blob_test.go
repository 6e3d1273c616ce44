//go:build linux

package cli

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// The blob byte for byte, as prog reads it after "Y".
func TestBlob(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	const name = "SSL_TLS_SNI_SERVERNAME=localhost\x00"
	identity := func(c *pki.Cert) string {
		sum := sha256.Sum256(c.DER())
		return "SSL_PEER_CERT_HASH=SHA256:" + hex.EncodeToString(sum[:]) + "\x00SSL_PEER_CERT_SUBJECT=/C=XX/O=Test/CN=test client\x00"
	}
	for _, v := range []struct {
		tweak tweak
		blob  string // its beginning
	}{
		{tls12, "SSL_PROTOCOL=TLSv1.2\x00SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256\x00"},
		{tls13, "SSL_PROTOCOL=TLSv1.3\x00SSL_CIPHER=TLS_AES_128_GCM_SHA256\x00"},
	} {
		for _, c := range []struct {
			name   string
			args   []string
			tweaks []tweak
			rest   string
		}{
			{"no name, no certificate", nil, []tweak{noName}, ""},
			{"name", nil, []tweak{askFor("localhost")}, name},
			{"name as the client writes it", nil, []tweak{askFor("LocalHost")}, "SSL_TLS_SNI_SERVERNAME=LocalHost\x00"},
			{"a name that is no host name", nil, []tweak{askFor("$(id)")}, ""},
			{"-y, certificate", []string{"-y"}, []tweak{noName, withCert(p.Client(pki.P256))}, identity(p.Client(pki.P256))},
			{"-y, name, RSA certificate", []string{"-y"}, []tweak{withCert(p.Client(pki.RSA2048))}, name + identity(p.Client(pki.RSA2048))},
			{"-Y, certificate", []string{"-Y"}, []tweak{withCert(p.Client(pki.Ed25519))}, name + identity(p.Client(pki.Ed25519))},
			{"-Y, none", []string{"-Y"}, nil, name},
			{"not asked for", nil, []tweak{withCert(p.Client(pki.P256))}, name},
		} {
			t.Run(v.blob[13:20]+" "+c.name, func(t *testing.T) {
				t.Parallel()
				x := serve(t, "s6-ucspitlsd", c.args)
				a := x.stage.app()
				a.write(a.ctl, "Y")
				conn := handshake(t, x.peer, append(c.tweaks, v.tweak)...)
				if got, want := a.readAll(a.ctl), v.blob+c.rest+"\x00"; got != want {
					t.Errorf("\n got %q\nwant %q", got, want)
				}
				x.finish(a, conn)
			})
		}
	}
}

// subjectOf makes a subject of n organizational units of 150 bytes.
func subjectOf(n int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for range n {
			c.Subject.OrganizationalUnit = append(c.Subject.OrganizationalUnit, strings.Repeat("y", 150))
		}
	}
}

// The names of the suites are OpenSSL's.
func TestBlobCipher(t *testing.T) {
	t.Parallel()
	for id, name := range map[uint16]string{
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       "ECDHE-ECDSA-AES256-GCM-SHA384",
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
	} {
		x := serve(t, "s6-ucspitlsd", nil)
		a := x.stage.app()
		a.write(a.ctl, "Y")
		c := handshake(t, x.peer, tls12, func(c *tls.Config) { c.CipherSuites = []uint16{id} })
		if blob := a.readAll(a.ctl); !strings.Contains(blob, "\x00SSL_CIPHER="+name+"\x00") {
			t.Errorf("%q, want %s", blob, name)
		}
		x.finish(a, c)
	}
}

// An immediate tool's prog gets the same in its environment.
func TestInformationInTheEnvironment(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	x := serve(t, "s6-tlsd", []string{"-y"}, "TLS_ALPN=smtp", "SSL_PEER_CERT_HASH=forged", "SSL_ALPN=forged", "SSL_CLIENT_S_DN=forged")
	c := handshake(t, x.peer, tls12, withCert(p.Client(pki.P256)), func(c *tls.Config) { c.NextProtos = []string{"smtp"} })
	a := x.stage.app()
	sum := sha256.Sum256(p.Client(pki.P256).DER())
	var got []string
	for _, item := range a.Env {
		if strings.HasPrefix(item, "SSL") {
			got = append(got, item)
		}
	}
	want := []string{
		"SSL_PROTOCOL=TLSv1.2", "SSL_CIPHER=ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_TLS_SNI_SERVERNAME=localhost",
		"SSL_PEER_CERT_HASH=SHA256:" + hex.EncodeToString(sum[:]), "SSL_PEER_CERT_SUBJECT=/C=XX/O=Test/CN=test client",
		"SSL_ALPN=smtp",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	x.finish(a, c)
}

// A subject of 3 kB, more than one read of 4096 with the rest.
func TestLongSubject(t *testing.T) {
	t.Parallel()
	cert := pki.New(t).BadClient(pki.LongSubject)
	x := serve(t, "s6-tlsd", []string{"-y"})
	c := handshake(t, x.peer, withCert(cert))
	a := x.stage.app()
	unit := "OU=" + strings.Repeat("y", 60) // fifty of them in one RDN
	want := "/C=XX/O=Test/" + unit + strings.Repeat(" + "+unit, 49) + "/CN=" + strings.Repeat("x", 60)
	if got, _ := a.lookup("SSL_PEER_CERT_SUBJECT"); got != want {
		t.Errorf("subject of %d bytes, want %d", len(got), len(want))
	}
	x.finish(a, c)

	// A value over 100 KiB does not fit into an environment: no prog.
	huge := pki.New(t).Issue(pki.Spec{Issuer: pki.New(t).Intermediate, Name: "huge", Use: cert.X509.ExtKeyUsage, Edit: subjectOf(1000)})
	y := serve(t, "s6-tlsd", []string{"-y"})
	conn := client(t, y.peer, withCert(huge))
	conn.Handshake()
	y.expect(98, "s6-tlsd: fatal: SSL_PEER_CERT_SUBJECT of the peer is too long for the environment")
	if y.stage.started() {
		t.Error("prog was started")
	}
}
