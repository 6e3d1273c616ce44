//go:build linux

package cli

import (
	"crypto/tls"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// What peers do wrong in the handshake.
func TestWrongPeers(t *testing.T) {
	only := func(version uint16) tweak {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version }
	}
	suite := func(id uint16) tweak {
		return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{id} }
	}
	set := func(items ...string) func(*folder) []string { return func(*folder) []string { return items } }
	const (
		failed  = "handshake failed: "
		closed  = failed + "the peer closed the connection during the handshake"
		notTLS  = failed + "the peer does not speak TLS"
		version = failed + "no protocol version in common (sent alert protocol_version)"
		cipher  = failed + "no cipher suite, group or signature algorithm in common (sent alert handshake_failure)"
	)
	checkAll(t, []fault{
		{name: "TLS 1.0", peer: hello(only(tls.VersionTLS10)), code: 98, line: version, alert: "protocol_version"},
		{name: "TLS 1.1", peer: hello(only(tls.VersionTLS11)), code: 98, line: version, alert: "protocol_version"},
		{name: "TLS 1.2 where 1.3 is the least", env: set("TLS_MIN_VERSION=1.3"), peer: hello(tls12), code: 98, line: version, alert: "protocol_version"},
		{name: "TLS 1.3 where 1.2 is the most", env: set("TLS_MAX_VERSION=1.2"), peer: hello(tls13), code: 98, line: version, alert: "protocol_version"},
		{name: "only a suite for RSA", peer: hello(suite(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)), code: 98, line: cipher, alert: "handshake_failure"},
		{name: "static RSA", peer: hello(suite(tls.TLS_RSA_WITH_AES_128_GCM_SHA256)), code: 98, line: cipher, alert: "handshake_failure"},
		{name: "CBC", peer: hello(suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA)), code: 98, line: cipher, alert: "handshake_failure"},
		{name: "no ALPN in common", env: set("TLS_ALPN=smtp"), peer: hello(func(c *tls.Config) { c.NextProtos = []string{"h2"} }), code: 98,
			line: failed + "no application protocol in common (sent alert no_application_protocol)", alert: "no_application_protocol"},
		{name: "an unknown name under -k2", args: "-k2", env: names, peer: hello(askFor("other.example")), code: 98,
			line: failed + "no certificate for the server name that the client asked for (sent alert unrecognized_name)", alert: "unrecognized_name"},
		{name: "no name under -k2", args: "-k2", env: names, peer: hello(noName), code: 98,
			line: failed + "no certificate for the server name that the client asked for (sent alert unrecognized_name)", alert: "unrecognized_name"},

		{name: "plaintext SMTP", peer: raw("EHLO me\r\nMAIL FROM:<>\r\n"), code: 98, line: notTLS},
		{name: "plaintext HTTP", peer: raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), code: 98, line: notTLS},
		{name: "zeros", peer: raw(strings.Repeat("\x00", 100)), code: 98, line: notTLS},
		{name: "hello of SSL 2", peer: raw("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + strings.Repeat("\x01", 40)), code: 98, line: notTLS + " (sent alert protocol_version)", alert: "protocol_version"},
		{name: "a record of 65535 bytes", peer: raw("\x16\x03\x01\xff\xff" + strings.Repeat("x", 1000)), code: 98, line: notTLS + " (sent alert record_overflow)", alert: "record_overflow"},
		{name: "application data first", peer: raw(inRecord(23, "hello")), code: 98, line: notTLS},
		{name: "a malformed hello", peer: raw(inRecord(22, "\x01\x00\x00\x02\x03\x03")), code: 98, line: failed + "the peer sent a bad handshake message (sent alert decode_error)", alert: "decode_error"},
		{name: "an alert first", peer: raw(inRecord(21, "\x02\x28")), code: 98, line: failed + "the peer refused the handshake (peer sent alert handshake_failure)"},
		{name: "FIN at once", peer: rawEnd(""), code: 98, line: closed},
		{name: "FIN in a hello", peer: rawEnd("\x16\x03\x01\x02\x00\x01\x00"), code: 98, line: closed},
		{name: "FIN in a record's header", peer: rawEnd("\x16\x03"), code: 98, line: closed},
		{name: "RST at once", peer: rawReset(""), code: 98, line: failed + "connection reset by peer"},
		{name: "RST in a hello", peer: rawReset("\x16\x03\x01\x02\x00\x01\x00"), code: 98, line: failed + "connection reset by peer"},
		{name: "silence", args: "-K 300", peer: silence, code: 98, line: "handshake timed out"},
		{name: "silence in a hello", args: "-K 300", peer: raw("\x16\x03\x01\x02\x00\x01\x00"), code: 98, line: "handshake timed out"},

		{name: "cut second flight, TLS 1.2", peer: forged(at(1, cutRecord), tls12), code: 98, line: closed},
		{name: "cut second flight, TLS 1.3", peer: forged(at(2, cutRecord), tls13), code: 98, line: closed},
		{name: "forged Finished, TLS 1.2", peer: forged(at(3, flipByte), tls12), code: 98, line: failed + "the peer sent a bad handshake message (sent alert bad_record_mac)", alert: "bad_record_mac"},
		{name: "forged Finished, TLS 1.3", peer: forged(at(2, flipByte), tls13), code: 98, line: failed + "the peer sent a bad handshake message (sent alert bad_record_mac)", alert: "bad_record_mac"},
		{name: "the client does not trust us, TLS 1.2", peer: hello(tls12, stranger), code: 98, line: failed + "the peer refused the handshake (peer sent alert bad_certificate)"},
		{name: "the client does not trust us, TLS 1.3", peer: hello(tls13, stranger), code: 98, line: failed + "the peer refused the handshake (peer sent alert bad_certificate)"},
	})
}

func stranger(c *tls.Config) { c.RootCAs = nil }

// names is a pair for names.example.
func names(f *folder) []string {
	return []string{"CERTFILE:names.example=" + f.dir + "/server.pem", "KEYFILE:names.example=" + f.dir + "/server.key"}
}

// What is wrong with client certificates: -y and -Y refuse them alike.
func TestWrongClientCertificates(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	thief := *p.Client(pki.P256)
	thief.Key = p.Server(pki.P256).Key
	for _, c := range []struct {
		name   string
		cert   *pki.Cert
		reason string
		alert  string
		onlyY  string
	}{
		{name: "none", reason: "the peer sent no certificate", alert: "handshake_failure", onlyY: "-y"},
		{name: "unknown CA", cert: p.BadClient(pki.UnknownCA), reason: "the peer's certificate is not signed by a trust anchor", alert: "unknown_ca"},
		{name: "self-signed", cert: p.BadClient(pki.SelfSigned), reason: "the peer's certificate is not signed by a trust anchor", alert: "unknown_ca"},
		{name: "intermediate not sent", cert: p.BadClient(pki.NoChain), reason: "the peer's certificate is not signed by a trust anchor", alert: "unknown_ca"},
		{name: "expired", cert: p.BadClient(pki.Expired), reason: "the peer's certificate has expired", alert: "certificate_expired"},
		{name: "not yet valid", cert: p.BadClient(pki.NotYet), reason: "the peer's certificate is not valid yet", alert: "certificate_expired"},
		{name: "for servers", cert: p.BadClient(pki.WrongUse), reason: "the peer's certificate is not meant for this use", alert: exact("unsupported_certificate")},
		{name: "RSA-1024", cert: p.BadClient(pki.Weak), reason: "the peer's certificate has an RSA key under 2048 bits or a weak signature", alert: "bad_certificate"},
		{name: "without its key", cert: &thief, reason: "the peer did not prove that it has its private key", alert: "decrypt_error"},
	} {
		for _, flag := range []string{"-y", "-Y"} {
			if c.onlyY != "" && c.onlyY != flag {
				continue
			}
			for _, v := range versions {
				alert := c.alert
				if c.cert == nil && v.name == "TLSv1.3" {
					alert = "certificate_required"
				}
				tweaks := []tweak{v.tweak}
				if c.cert != nil {
					tweaks = append(tweaks, withCert(c.cert))
				}
				f := fault{args: flag, peer: hello(tweaks...), code: 98, alert: alert,
					line: "handshake failed: " + c.reason + " (sent alert " + alert + ")"}
				t.Run(flag+" "+v.name+" "+c.name, f.check)
				if v.name == "TLSv1.3" { // a client that has sent data by then
					f.peer = busy(tweaks...)
					t.Run(flag+" "+v.name+" "+c.name+", with data behind it", f.check)
				}
			}
		}
	}
	for _, v := range versions {
		f := fault{args: "-y", env: func(f *folder) []string {
			var lists []byte
			for _, der := range f.CRLs(f.Client(pki.P384)) {
				lists = append(lists, pki.PEM("X509 CRL", der)...)
			}
			return []string{"TLS_CRLFILE=" + f.write("crl.pem", lists)}
		}, peer: hello(v.tweak, withCert(p.Client(pki.P384))), code: 98, alert: exact("certificate_revoked"),
			line: "handshake failed: the peer's certificate is revoked (sent alert " + exact("certificate_revoked") + ")"}
		t.Run(v.name+" revoked", f.check)
	}
}
