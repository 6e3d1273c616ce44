//go:build linux

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
)

// odd are certificates that try to be too much, or to say more than they may.
func odd(p *pki.PKI, use x509.ExtKeyUsage, dns []string) map[string]*pki.Cert {
	issue := func(name string, edit func(*x509.Certificate)) *pki.Cert {
		return p.Named(fmt.Sprint("odd ", name, use), pki.Spec{Name: name, DNS: dns, Use: []x509.ExtKeyUsage{use}, Edit: edit})
	}
	list := map[string]*pki.Cert{
		"newline":   issue("a\nSSL_PEER_CERT_HASH=SHA256:00", nil),
		"variables": issue("a=b/CN=root,O=x+y\\\"<>#; ", nil),
		"100 kB": issue("big", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 2}, Value: make([]byte, 100_000)}}
		}),
		"NUL": issue("nul", func(c *x509.Certificate) {
			value := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("a\x00SSL_PEER_CERT_HASH=SHA256:00\x00")}
			der, _ := asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: value}}})
			c.RawSubject = der
		}),
		"control characters": issue("\x1b[2J\r\x7f\b\t\x01", nil),
		"4,000 names": issue("many", func(c *x509.Certificate) {
			for i := range 4000 {
				c.DNSNames = append(c.DNSNames, "n"+strconv.Itoa(i)+".example")
			}
		}),
	}
	issuer := p.Intermediate
	for i := range 100 {
		issuer = p.Named("link "+strconv.Itoa(i), pki.Spec{Name: "Link " + strconv.Itoa(i), CA: true, Issuer: issuer})
	}
	list["100 links"] = p.Named(fmt.Sprint("odd links ", use), pki.Spec{Name: "far", DNS: dns, Use: []x509.ExtKeyUsage{use}, Issuer: issuer})
	return list
}

// A client's odd certificate is refused with a line, or prog gets what it says
// in one variable, without anything that could make two of it.
func TestOddClientCertificates(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	for name, cert := range odd(p, x509.ExtKeyUsageClientAuth, nil) {
		for _, v := range versions {
			t.Run(name+" "+v.name, func(t *testing.T) {
				t.Parallel()
				x := serve(t, "s6-tlsd", []string{"-y", "-K", "20000"})
				x.staysSmall(t)
				c := client(t, x.peer, v.tweak, withCert(cert))
				err := c.Handshake()
				if err == nil {
					c.CloseWrite()
				}
				x.stage.l.SetDeadline(time.Now().Add(patience))
				started := make(chan *app, 1)
				go func() {
					<-x.ended
					x.stage.l.Close() // prog never came
				}()
				if conn, e := x.stage.l.Accept(); e == nil {
					a := &app{t: t, conn: conn}
					a.in = json.NewDecoder(conn)
					if e := a.in.Decode(&a.greeting); e != nil {
						t.Fatal(e)
					}
					started <- a
				}
				select {
				case a := <-started:
					for _, item := range a.Env {
						k, value, _ := strings.Cut(item, "=")
						if strings.ContainsAny(value, "\n\r\x1b\x00\x7f\x01\b") && strings.HasPrefix(k, "SSL_") {
							t.Errorf("%q", item)
						}
						if k == "SSL_PEER_CERT_HASH" && !strings.HasPrefix(value, "SHA256:") || value == "SHA256:00" {
							t.Errorf("forged: %q", item)
						}
					}
					a.exit(0)
					x.peer.Close()
					if code := x.code(); code != 0 {
						t.Errorf("exit code %d", code)
					}
				default:
					x.peer.Close()
					if code, out := x.code(), x.stderr(); code != 98 || strings.Count(out, "\n") != 1 {
						t.Errorf("exit code %d, stderr %q", code, out)
					}
				}
			})
		}
	}
}

// The same of a server, to our client.
func TestOddServerCertificates(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	env, _ := material(t)
	for name, cert := range odd(p, x509.ExtKeyUsageServerAuth, []string{pki.Host}) {
		for _, v := range versions {
			t.Run(name+" "+v.name, func(t *testing.T) {
				t.Parallel()
				x := runTunnel(t, "s6-tlsc-io", env)
				cfg := &tls.Config{Certificates: []tls.Certificate{cert.TLS()}}
				v.tweak(cfg)
				c := tls.Server(x.peer, cfg)
				if c.Handshake() == nil {
					c.CloseWrite()
				}
				x.in.Close()
				x.peer.CloseWrite()
				drain(x.peer.TCPConn)
				x.peer.Close()
				x.judge(t)
			})
		}
	}
}
