package backendtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

func (s suite) versions(t *testing.T) {
	type bounds struct{ low, high uint16 }
	for _, ours := range []bounds{{0, 0}, {backend.TLS12, backend.TLS12}, {backend.TLS13, backend.TLS13}, {backend.TLS12, backend.TLS13}, {0, backend.TLS12}, {backend.TLS13, 0}} {
		for _, theirs := range []bounds{{tls.VersionTLS10, tls.VersionTLS11}, {tls.VersionTLS10, tls.VersionTLS12}, {tls.VersionTLS12, tls.VersionTLS13}, {tls.VersionTLS13, tls.VersionTLS13}} {
			if inFIPS && theirs.high < tls.VersionTLS12 {
				continue
			}
			low, high := max(ours.low, backend.TLS12, theirs.low), theirs.high
			if ours.high != 0 {
				high = min(high, ours.high)
			}
			check := func(t *testing.T, x *session) {
				t.Helper()
				if low > high {
					err := x.handshake()
					<-x.peerDone
					// A client that has TLS 1.2 alone need not list its versions. A
					// peer that then tries TLS 1.1 misses a cipher suite.
					if e, ok := errors.AsType[*backend.Error](err); ok && ours.high == backend.TLS12 && e.Peer && e.Alert == backend.AlertHandshakeFailure {
						expect(t, err, backend.Handshake, backend.PeerRefused)
						return
					}
					expect(t, err, backend.Handshake, backend.NoVersion)
					return
				}
				x.connect()
				if v := x.conn.State().Version; v != high {
					t.Errorf("version %x, want %x", v, high)
				}
				x.echo()
			}
			t.Run(versionName(ours.low)+" to "+versionName(ours.high)+", peer "+versionName(theirs.low)+" to "+versionName(theirs.high), func(t *testing.T) {
				limit := func(c *tls.Config) { c.MinVersion, c.MaxVersion = theirs.low, theirs.high }
				check(t, s.serve(t, func(c *backend.ServerConfig) { c.MinVersion, c.MaxVersion = ours.low, ours.high }, limit))
				check(t, s.dial(t, func(c *backend.ClientConfig) { c.MinVersion, c.MaxVersion = ours.low, ours.high }, limit))
			})
		}
	}
}

// ciphers12 is every suite of TLS 1.2 that there is to be.
var ciphers12 = []struct {
	id   uint16
	name string
	key  pki.KeyType
}{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", pki.P256},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", pki.P256},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", pki.P256},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", pki.RSA2048},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", pki.RSA2048},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", pki.RSA2048},
}

func (s suite) ciphers(t *testing.T) {
	for _, c := range ciphers12 {
		if inFIPS && strings.Contains(c.name, "CHACHA20") {
			continue
		}
		pin := func(cfg *tls.Config) {
			cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{c.id}
			if len(cfg.Certificates) > 0 {
				cfg.Certificates = []tls.Certificate{s.pki.Server(c.key).TLS()}
			}
		}
		for _, x := range []*session{
			s.serve(t, func(cfg *backend.ServerConfig) { cfg.Default = s.pki.Server(c.key).Pair() }, pin),
			s.dial(t, nil, pin),
		} {
			x.connect()
			if name := x.conn.State().Cipher; name != c.name {
				t.Errorf("cipher %q, want %q", name, c.name)
			}
		}
	}
	// What the original had and this has not: CBC, static RSA.
	for _, id := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256} {
		if inFIPS {
			break // such a peer offers nothing
		}
		x := s.serve(t, func(cfg *backend.ServerConfig) { cfg.Default = s.pki.Server(pki.RSA2048).Pair() },
			func(cfg *tls.Config) { cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{id} })
		expect(t, x.handshake(), backend.Handshake, backend.NoCipher)
		<-x.peerDone
	}
	s.either(t, func(t *testing.T, x *session, _ bool) {
		x.connect()
		if v := x.peer.ConnectionState(); v.Version == tls.VersionTLS13 && x.conn.State().Cipher != tls.CipherSuiteName(v.CipherSuite) {
			t.Errorf("cipher %q, the peer says %q", x.conn.State().Cipher, tls.CipherSuiteName(v.CipherSuite))
		}
	})
}

func (s suite) groups(t *testing.T) {
	for id, name := range map[tls.CurveID]string{tls.X25519: "X25519", tls.CurveP256: "P-256", tls.CurveP384: "P-384", tls.CurveP521: "P-521"} {
		if inFIPS && id == tls.X25519 {
			continue
		}
		for _, v := range bothVersions {
			pin := func(c *tls.Config) { c.MaxVersion, c.CurvePreferences = v, []tls.CurveID{id} }
			// In TLS 1.2 the group of an ECDSA key would have to be offered too.
			rsa := func(c *backend.ServerConfig) { c.Default = s.pki.Server(pki.RSA2048).Pair() }
			for _, x := range []*session{s.serve(t, rsa, pin), s.dial(t, nil, pin)} {
				x.connect()
				if g := x.conn.State().Group; g != "" && g != name {
					t.Errorf("group %q, want %q", g, name)
				}
			}
		}
	}
}

// keyTypes: every kind of key, in every form, in both roles.
func (s suite) keyTypes(t *testing.T) {
	for _, k := range pki.KeyTypes {
		for _, v := range bothVersions {
			t.Run(string(k)+" "+versionName(v), func(t *testing.T) {
				x := s.serve(t, func(c *backend.ServerConfig) {
					c.Default, c.MaxVersion = s.pki.Server(k).Pair(), v
					if der, _ := s.pki.Server(k).KeyLegacy(); der != nil {
						c.Default.Key = der
					}
				}, nil)
				x.connect()
				if !bytes.Equal(x.peer.ConnectionState().PeerCertificates[0].Raw, s.pki.Server(k).DER()) {
					t.Error("another certificate than configured")
				}
				x = s.dial(t, func(c *backend.ClientConfig) { c.Keys = s.pki.Client(k).Pair() },
					func(c *tls.Config) {
						c.MaxVersion, c.ClientAuth, c.ClientCAs = v, tls.RequireAndVerifyClientCert, pool(s.pki.Root)
						c.Certificates = []tls.Certificate{s.pki.Server(k).TLS()}
					})
				x.connect()
				x.echo()
				if !bytes.Equal(x.conn.State().Peer, s.pki.Server(k).DER()) {
					t.Error("the server's certificate is not in the state")
				}
			})
		}
	}
}

func (s suite) alpn(t *testing.T) {
	for _, c := range []struct {
		server, client string // comma lists
		want           string // "!": refused
	}{
		{"", "", ""}, {"smtp", "", ""}, {"", "smtp", ""}, {"a,b", "b,a", "a"}, {"a,b", "c,b", "b"},
		{"a", "b", "!"}, {"h2", "http/1.1", "!"}, {"h2,a", "http/1.1,b", "!"},
	} {
		t.Run(c.server+" and "+c.client, func(t *testing.T) {
			for _, v := range bothVersions {
				x := s.serve(t, func(cfg *backend.ServerConfig) { cfg.ALPN = list(c.server) },
					func(cfg *tls.Config) { cfg.MaxVersion, cfg.NextProtos = v, list(c.client) })
				if c.want == "!" {
					expect(t, x.handshake(), backend.Handshake, backend.NoALPN)
					if a, _ := alertIn(x.peerSaw()); a != backend.AlertNoApplicationProtocol {
						t.Errorf("the peer got %s", a)
					}
					continue
				}
				x.connect()
				if p := x.conn.State().ALPN; p != c.want {
					t.Errorf("server: %q, want %q", p, c.want)
				}
				x = s.dial(t, func(cfg *backend.ClientConfig) { cfg.ALPN = list(c.client) },
					func(cfg *tls.Config) { cfg.MaxVersion, cfg.NextProtos = v, list(c.server) })
				x.connect()
				if p := x.conn.State().ALPN; p != c.want {
					t.Errorf("client: %q, want %q", p, c.want)
				}
			}
		})
	}
	x := s.dial(t, func(cfg *backend.ClientConfig) { cfg.ALPN = []string{"a"} }, func(cfg *tls.Config) { cfg.NextProtos = []string{"b"} })
	if e := expect(t, x.handshake(), backend.Handshake, backend.NoALPN); !e.Peer || e.Alert != backend.AlertNoApplicationProtocol {
		t.Errorf("%+v", e)
	}
	<-x.peerDone
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func (s suite) sni(t *testing.T) {
	def, named := s.pki.Server(pki.P256), s.pki.Server(pki.P384)
	failure := errors.New("the file is gone")
	for _, c := range []struct {
		sent, asked string
		want        *pki.Cert
		reason      backend.Reason
		err         error
	}{
		{sent: "localhost", asked: "localhost", want: def},
		{sent: "Named.Example", asked: "Named.Example", want: named},
		{sent: "", asked: "", want: def},
		{sent: "unknown.example", asked: "unknown.example", reason: backend.UnknownName},
		{sent: "broken.example", asked: "broken.example", err: failure},
		{sent: "mismatch.example", asked: "mismatch.example", reason: backend.KeyMismatch},
	} {
		for _, v := range bothVersions {
			t.Run(c.sent+" "+versionName(v), func(t *testing.T) {
				var asked []string
				x := s.serve(t, func(cfg *backend.ServerConfig) {
					cfg.ALPN = []string{"a"}
					cfg.Keys = func(name string) (*backend.KeyPair, error) {
						asked = append(asked, name)
						switch name {
						case "unknown.example":
							return nil, nil
						case "broken.example":
							return nil, failure
						case "mismatch.example":
							p := named.Pair()
							p.Key = def.KeyPKCS8()
							return p, nil
						case "Named.Example":
							return named.Pair(), nil
						}
						return cfg.Default, nil
					}
				}, func(cfg *tls.Config) {
					cfg.ServerName, cfg.MaxVersion, cfg.InsecureSkipVerify = c.sent, v, true
					cfg.CurvePreferences = []tls.CurveID{tls.CurveP521, tls.X25519, tls.CurveP256, tls.CurveP384} // may cost a HelloRetryRequest
				})
				err := x.handshake()
				if len(asked) != 1 || asked[0] != c.asked {
					t.Errorf("Keys was called with %q", asked)
				}
				if n := x.conn.State().ServerName; n != c.asked {
					t.Errorf("state has the name %q", n)
				}
				if c.want != nil {
					if err != nil || <-x.peerDone != nil {
						t.Fatal(err)
					}
					if got := x.peer.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, c.want.DER()) {
						t.Error("the wrong certificate")
					}
					return
				}
				alert, received := alertIn(x.peerSaw())
				want := backend.AlertInternalError
				switch {
				case c.err != nil:
					if !errors.Is(err, c.err) {
						t.Errorf("got %v, want what Keys said", err)
					}
				case c.reason == backend.UnknownName:
					want = backend.AlertUnrecognizedName
					expect(t, err, backend.Handshake, c.reason)
				default:
					if e := expect(t, err, backend.Config, c.reason); e.Where != "KEYFILE: key.pem" || e.Alert != want {
						t.Errorf("%+v", e)
					}
				}
				if !received || alert != want {
					t.Errorf("the peer got %s, want %s", alert, want)
				}
			})
		}
	}
	// Without Keys everybody gets the default pair, without either nobody anything.
	s.serve(t, nil, nil).connect()
	x := s.serve(t, func(cfg *backend.ServerConfig) { cfg.Default = nil }, nil)
	expect(t, x.handshake(), backend.Handshake, backend.UnknownName)
	<-x.peerDone

	// What a client sends: no address, no final dot.
	for name, want := range map[string]string{"localhost": "localhost", "localhost.": "localhost", "LocalHost": "LocalHost", "127.0.0.1": "", "::1": ""} {
		sent := "nothing seen"
		x := s.dial(t, func(cfg *backend.ClientConfig) { cfg.ServerName = name },
			func(cfg *tls.Config) {
				cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { sent = h.ServerName; return nil, nil }
			})
		x.connect()
		if sent != want || x.conn.State().ServerName != want {
			t.Errorf("%s: sent %q, state has %q", name, sent, x.conn.State().ServerName)
		}
	}
}
