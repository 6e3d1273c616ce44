package backendtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// chainFaults is what each fault of a peer's certificate is called.
var chainFaults = map[pki.Fault]backend.Reason{
	pki.Expired:     backend.PeerExpired,
	pki.NotYet:      backend.PeerNotYet,
	pki.WrongUse:    backend.PeerPurpose,
	pki.UnknownCA:   backend.PeerUntrusted,
	pki.SelfSigned:  backend.PeerUntrusted,
	pki.NoChain:     backend.PeerUntrusted,
	pki.FromLeaf:    backend.PeerUntrusted,
	pki.LateIssuer:  backend.PeerExpired,
	pki.Weak:        backend.PeerWeak,
	pki.WeakIssuer:  backend.PeerWeak,
	pki.SHA1:        backend.PeerWeak,
	pki.UnknownCrit: backend.PeerBadCert,
}

// refused is a handshake that we end. The alert that we say we sent must be
// the one that the peer got.
func refused(t *testing.T, x *session, r backend.Reason) *backend.Error {
	t.Helper()
	e := expect(t, x.handshake(), backend.Handshake, r)
	alert, received := alertIn(x.peerSaw())
	if clear := x.lastAlert(); clear != 0 && alert == backend.AlertBadRecordMAC {
		// A client of TLS 1.3 may have no keys yet; crypto/tls takes an alert
		// in the clear for a bad record then.
		alert, received = clear, true
	}
	if !received || e.Peer || e.Alert != alert {
		t.Errorf("said: %v; the peer got %s (%v)", e, alert, received)
	}
	t.Logf("%s: alert %s", r, alert)
	if x.conn.State().Peer != nil {
		t.Error("a peer that was refused is in the state")
	}
	if err := x.conn.Handshake(); err != error(e) {
		t.Errorf("a second Handshake gives %v", err)
	}
	if _, err := x.conn.Read(make([]byte, 1)); err != error(e) {
		t.Errorf("Read gives %v", err)
	}
	if _, err := x.conn.Write([]byte("x")); err != error(e) {
		t.Errorf("Write gives %v", err)
	}
	return e
}

func (s suite) clientCert(t *testing.T) {
	ask := func(mode backend.CertMode, v uint16) func(*backend.ServerConfig) {
		return func(cfg *backend.ServerConfig) {
			cfg.Client, cfg.Anchors, cfg.MinVersion, cfg.MaxVersion = mode, s.pki.Anchors(), v, v
		}
	}
	for _, v := range bothVersions {
		for mode, name := range []string{"none", "optional", "mandatory"} {
			mode := backend.CertMode(mode)
			t.Run(name+" "+versionName(v), func(t *testing.T) {
				x := s.serve(t, ask(mode, v), nil)
				if mode == backend.CertMandatory {
					refused(t, x, backend.NoPeerCert)
				} else if x.connect(); x.conn.State().Peer != nil {
					t.Error("nobody is in the state")
				}
				for _, good := range []*pki.Cert{s.pki.Client(pki.P256), s.pki.Client(pki.RSA2048), s.pki.BadClient(pki.NoUse), s.pki.BadClient(pki.EmptySubject)} {
					x = s.serve(t, ask(mode, v), present(good))
					x.connect()
					x.echo()
					want := good.DER()
					if mode == backend.CertNone {
						want = nil
					}
					if !bytes.Equal(x.conn.State().Peer, want) {
						t.Error("the wrong peer in the state")
					}
				}
				if mode == backend.CertNone {
					return
				}
				for fault, reason := range chainFaults {
					t.Run(string(fault), func(t *testing.T) {
						refused(t, s.serve(t, ask(mode, v), present(s.pki.BadClient(fault))), reason)
					})
				}
				t.Run("garbage", func(t *testing.T) {
					refused(t, s.serve(t, ask(mode, v), present(garbage(s.pki.Client(pki.P256)))), backend.PeerBadCert)
				})
				t.Run("without its key", func(t *testing.T) {
					refused(t, s.serve(t, ask(mode, v), present(thief(s.pki.Client(pki.P256), s.pki.Other))), backend.BadPeerProof)
				})
			})
		}
	}
	// The client's side: nothing is sent unless asked for, and what is
	// configured is sent whatever anchors the server names.
	for _, v := range bothVersions {
		for _, c := range []struct {
			cert *pki.Cert
			ask  bool
			want int
		}{{nil, true, 0}, {s.pki.Client(pki.P256), false, 0}, {s.pki.Client(pki.P256), true, 2}} {
			x := s.dial(t, func(cfg *backend.ClientConfig) {
				if c.cert != nil {
					cfg.Keys = c.cert.Pair()
				}
			}, func(cfg *tls.Config) {
				cfg.MaxVersion, cfg.ClientCAs = v, pool(s.pki.Other)
				if c.ask {
					cfg.ClientAuth = tls.RequestClientCert
				}
			})
			x.connect()
			if n := len(x.peer.ConnectionState().PeerCertificates); n != c.want {
				t.Errorf("%s: the server got %d certificates, want %d", versionName(v), n, c.want)
			}
		}
	}
}

// thief has the certificate of one and the key of another.
func thief(c, other *pki.Cert) *pki.Cert {
	return &pki.Cert{X509: c.X509, Chain: c.Chain, Key: other.Key}
}

// garbage is a certificate that nobody can parse.
func garbage(c *pki.Cert) *pki.Cert {
	return &pki.Cert{X509: c.X509, Chain: [][]byte{[]byte("garbage")}, Key: c.Key}
}

// withCert makes a server of the peer present one certificate.
func withCert(c *pki.Cert, v uint16) func(*tls.Config) {
	return func(cfg *tls.Config) {
		cfg.Certificates, cfg.MaxVersion = []tls.Certificate{c.TLS()}, v
	}
}

func (s suite) names(t *testing.T) {
	ok := backend.Reason("")
	topLevel := s.pki.Named("*.lan", pki.Spec{Name: "lan", DNS: []string{"*.lan"}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	both := s.pki.Named("*.lan, host.lan", pki.Spec{Name: "lan", DNS: []string{"*.lan", "Host.lan"}, Use: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	for _, c := range []struct {
		cert *pki.Cert
		name string
		want backend.Reason
	}{
		{s.pki.Server(pki.P256), "localhost", ok},
		{s.pki.Server(pki.P256), "LOCALHOST", ok},
		{s.pki.Server(pki.P256), "localhost.", ok},
		{s.pki.Server(pki.P256), "127.0.0.1", ok},
		{s.pki.Server(pki.P256), "::1", ok},
		{s.pki.Server(pki.P256), "0:0:0:0:0:0:0:1", ok},
		{s.pki.Server(pki.P256), "127.0.0.2", backend.PeerName},
		{s.pki.Server(pki.P256), "sub.localhost", backend.PeerName},
		{s.pki.Server(pki.P256), "", ok},
		{s.pki.BadServer(pki.WrongName), "localhost", backend.PeerName},
		{s.pki.BadServer(pki.WrongName), "", ok},
		{s.pki.BadServer(pki.CNOnly), "localhost", backend.PeerName},
		{s.pki.BadServer(pki.OnlyIP), "127.0.0.1", ok},
		{s.pki.BadServer(pki.OnlyIP), "localhost", backend.PeerName},
		{s.pki.BadServer(pki.Wildcard), "mail.example.org", ok},
		{s.pki.BadServer(pki.Wildcard), "a.mail.example.org", backend.PeerName},
		{s.pki.BadServer(pki.Wildcard), "example.org", backend.PeerName},
		{s.pki.BadServer(pki.EmptySubject), "localhost", ok},
		{topLevel, "host.lan", backend.PeerName},
		{topLevel, "host.lan.", backend.PeerName},
		{topLevel, "HOST.lan", backend.PeerName},
		{topLevel, "a.host.lan", backend.PeerName},
		{both, "host.lan", ok},
		{both, "HOST.lan", ok},
		{both, "other.lan", backend.PeerName},
	} {
		for _, v := range bothVersions {
			x := s.dial(t, func(cfg *backend.ClientConfig) { cfg.ServerName = c.name }, withCert(c.cert, v))
			if c.want != ok {
				refused(t, x, c.want)
				continue
			}
			x.connect()
			if !bytes.Equal(x.conn.State().Peer, c.cert.DER()) {
				t.Errorf("%q: not in the state", c.name)
			}
		}
	}
}

func (s suite) noVerify(t *testing.T) {
	for _, v := range bothVersions {
		for _, f := range []pki.Fault{pki.Expired, pki.NotYet, pki.WrongUse, pki.UnknownCA, pki.SelfSigned, pki.WrongName, pki.Weak} {
			x := s.dial(t, func(cfg *backend.ClientConfig) { cfg.NoVerifyCert, cfg.Anchors = true, nil }, withCert(s.pki.BadServer(f), v))
			x.connect()
			x.echo()
			if x.conn.State().Peer != nil {
				t.Errorf("%s: an unverified peer is in the state", f)
			}
		}
		x := s.dial(t, func(cfg *backend.ClientConfig) { cfg.NoVerifyCert = true }, withCert(thief(s.pki.Server(pki.P256), s.pki.Other), v))
		refused(t, x, backend.BadPeerProof) // the handshake itself still must be right
	}
}

// clock: the engine's time counts, for certificates and CRLs.
func (s suite) clock(t *testing.T) {
	at := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }
	year := 365 * 24 * time.Hour
	for _, c := range []struct {
		now  func() time.Time
		want backend.Reason
	}{{nil, ""}, {at(year), ""}, {at(20 * year), backend.PeerExpired}, {at(-year), backend.PeerNotYet}} {
		for _, x := range []*session{
			s.dial(t, func(cfg *backend.ClientConfig) { cfg.Time, cfg.CRLs = c.now, s.pki.CRLs() }, nil),
			s.serve(t, func(cfg *backend.ServerConfig) {
				cfg.Time, cfg.Anchors, cfg.Client = c.now, s.pki.Anchors(), backend.CertMandatory
			}, present(s.pki.Client(pki.P256))),
		} {
			if c.want != "" {
				refused(t, x, c.want)
			} else {
				x.connect()
			}
		}
	}
}

func (s suite) keyLog(t *testing.T) {
	for _, v := range bothVersions {
		for _, server := range []bool{true, false} {
			var lines []string
			log := func(line []byte) { lines = append(lines, string(line)) }
			pin := func(cfg *tls.Config) { cfg.MaxVersion = v }
			var x *session
			if server {
				x = s.serve(t, func(cfg *backend.ServerConfig) { cfg.KeyLog = log }, pin)
			} else {
				x = s.dial(t, func(cfg *backend.ClientConfig) { cfg.KeyLog = log }, pin)
			}
			x.connect()
			theirs := strings.Split(strings.TrimSpace(x.keyLog.String()), "\n")
			for _, l := range theirs {
				if !slices.Contains(lines, l) {
					t.Errorf("%s: the peer logged %q, we %q", versionName(v), l, lines)
				}
			}
		}
	}
}
