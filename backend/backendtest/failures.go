package backendtest

import (
	"crypto/tls"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

const oldPeer = "peer has TLS 1.1 at most"

func (s suite) serverFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		ours   func(*backend.ServerConfig)
		theirs func(*tls.Config)
		want   backend.Reason
	}{
		{oldPeer, nil, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, backend.NoVersion},
		{"peer has TLS 1.2 at most", func(c *backend.ServerConfig) { c.MinVersion = backend.TLS13 }, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, backend.NoVersion},
		{"peer wants TLS 1.3", func(c *backend.ServerConfig) { c.MaxVersion = backend.TLS12 }, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, backend.NoVersion},
		{"no suite", nil, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, backend.NoCipher},
		{"no suite for the key", nil, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		}, backend.NoCipher},
		// The default key is on P-256; TLS 1.3 does not ask for its curve.
		{"no curve for the key", nil, func(c *tls.Config) {
			c.MaxVersion, c.CurvePreferences = tls.VersionTLS12, []tls.CurveID{tls.X25519}
		}, backend.NoCipher},
		{"no group 1.3", nil, func(c *tls.Config) {
			c.MinVersion, c.CurvePreferences = tls.VersionTLS13, []tls.CurveID{tls.SecP256r1MLKEM768}
		}, backend.NoCipher},
	} {
		if inFIPS && c.name == oldPeer {
			continue
		}
		t.Run(c.name, func(t *testing.T) { refused(t, s.serve(t, c.ours, c.theirs), c.want) })
	}
}

func (s suite) clientFailures(t *testing.T) {
	for _, v := range bothVersions {
		for fault, reason := range chainFaults {
			t.Run(string(fault)+" "+versionName(v), func(t *testing.T) {
				refused(t, s.dial(t, nil, withCert(s.pki.BadServer(fault), v)), reason)
			})
		}
		t.Run("garbage "+versionName(v), func(t *testing.T) {
			refused(t, s.dial(t, nil, withCert(garbage(s.pki.Server(pki.P256)), v)), backend.PeerBadCert)
		})
		t.Run("without its key "+versionName(v), func(t *testing.T) {
			refused(t, s.dial(t, nil, withCert(thief(s.pki.Server(pki.P256), s.pki.Other), v)), backend.BadPeerProof)
		})
	}
	t.Run("peer answers with TLS 1.1", func(t *testing.T) {
		// crypto/tls would not: a ServerHello that chooses 1.1.
		x := s.dial(t, nil, nil)
		x.inject(serverHello11)
		e := expect(t, x.drive(x.conn.Handshake), backend.Handshake, backend.NoVersion)
		if a := x.lastAlert(); a != e.Alert || a != backend.AlertProtocolVersion {
			t.Errorf("said %s, sent %s", e.Alert, a)
		}
	})
}

// sha1Signatures: a client that verifies nothing but SHA-1 is refused.
func (s suite) sha1Signatures(t *testing.T) {
	for _, v := range bothVersions {
		for _, k := range []pki.KeyType{pki.P256, pki.RSA2048} {
			x := s.serve(t, func(c *backend.ServerConfig) { c.Default = s.pki.Server(k).Pair() },
				func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v })
			go func() { x.peerDone <- x.peer.Handshake() }()
			if !x.await() {
				t.Fatal("the peer says nothing")
			}
			x.tamper(func(b []byte) []byte {
				// signature_algorithms: type 13, length, length of the list, pairs of bytes.
				at := 0
				for i := 43; i+6 < len(b); i++ {
					if b[i] == 0 && b[i+1] == 13 && b[i+2] == 0 && b[i+4] == 0 && b[i+5] == b[i+3]-2 && b[i+5]%2 == 0 {
						at = i
						break
					}
				}
				if at == 0 {
					t.Fatal("no signature_algorithms in the ClientHello")
				}
				for i := range int(b[at+5]) / 2 {
					copy(b[at+6+2*i:], []byte{2, byte(1 + 2*(i%2))}) // rsa_pkcs1_sha1, ecdsa_sha1
				}
				return b
			})
			e := expect(t, x.drive(x.conn.Handshake), backend.Handshake, backend.NoCipher)
			if x.hangUp(); e.Peer || e.Alert != backend.AlertHandshakeFailure {
				t.Errorf("%v", e)
			}
			if a, _ := alertIn(<-x.peerDone); a != e.Alert {
				t.Errorf("the peer got %s", a)
			}
		}
	}
}

// serverHello11 is a ServerHello of TLS 1.1 with TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA.
var serverHello11 = append(append([]byte{22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2}, make([]byte, 32)...), 0, 0xc0, 0x09, 0)

// lastAlert is a fatal alert in the clear at the end of what was written.
func (x *session) lastAlert() backend.Alert {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := x.seen[1]
	if n := len(b) - 7; n >= 0 && b[n] == 21 && b[n+3] == 0 && b[n+4] == 2 && b[n+5] == 2 {
		return backend.Alert(b[n+6])
	}
	return 0
}

func (s suite) notTLS(t *testing.T) {
	for name, bytes := range map[string]string{
		"HTTP":          "GET / HTTP/1.0\r\n\r\n",
		"SMTP":          "220 mail.example ESMTP\r\n",
		"zeros":         string(make([]byte, 64)),
		"SSLv2":         "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + string(make([]byte, 64)),
		"a long record": "\x16\x03\x01\xff\xff" + string(make([]byte, 64)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, x := range []*session{s.serve(t, nil, nil), s.dial(t, nil, nil)} {
				x.inject([]byte(bytes))
				e := expect(t, x.drive(x.conn.Handshake), backend.Handshake, backend.NotTLS)
				if e.Peer || e.Alert != x.lastAlert() {
					t.Errorf("said %v, sent %s", e, x.lastAlert())
				}
			}
		})
	}
	for name, bytes := range map[string]string{
		"a message that is no ClientHello": "\x16\x03\x01\x00\x04\x14\x00\x00\x00",
		"an empty ClientHello":             "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
		"a message without end":            "\x16\x03\x01\x00\x04\x01\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			x := s.serve(t, nil, nil)
			x.inject([]byte(bytes))
			e := expect(t, x.drive(x.conn.Handshake), backend.Handshake, backend.BadHandshake)
			if e.Peer || e.Alert == 0 || e.Alert != x.lastAlert() {
				t.Errorf("said %v, sent %s", e, x.lastAlert())
			}
		})
	}
}

// peerCloses: FIN in the middle of a handshake, wherever.
func (s suite) peerCloses(t *testing.T) {
	for _, n := range []int{0, 1, 4, 5, 6, 50} {
		s.either(t, func(t *testing.T, x *session, _ bool) {
			go func() { x.peerDone <- x.peer.Handshake() }()
			x.blocked = true // until the rest is cut off
			if err := x.conn.Handshake(); err != backend.ErrAgain {
				t.Fatal(err)
			}
			if !x.await() {
				t.Fatal("the peer says nothing")
			}
			x.cut(n)
			x.blocked = false
			e := expect(t, x.drive(x.conn.Handshake), backend.Handshake, backend.PeerClosed)
			if e.Peer || e.Alert != 0 {
				t.Errorf("%+v", e)
			}
			x.hangUp()
			<-x.peerDone
		})
	}
}

// peerRefuses: the peer ends the handshake with an alert.
func (s suite) peerRefuses(t *testing.T) {
	for _, v := range bothVersions {
		for name, x := range map[string]*session{
			"our certificate": s.serve(t, nil, func(c *tls.Config) { c.RootCAs, c.MaxVersion = pool(s.pki.Other), v }),
			"our suites": s.dial(t, nil, func(c *tls.Config) {
				c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
			}),
		} {
			t.Run(name+" "+versionName(v), func(t *testing.T) {
				e := expect(t, x.handshake(), backend.Handshake, backend.PeerRefused)
				<-x.peerDone
				want := map[string]backend.Alert{"our certificate": backend.AlertBadCertificate, "our suites": backend.AlertHandshakeFailure}[name]
				if !e.Peer || e.Alert != want {
					t.Errorf("%v, want %s of the peer", e, want)
				}
			})
		}
	}
	t.Run("in the clear", s.clearRefusal)
	x := s.dial(t, func(c *backend.ClientConfig) { c.MinVersion = backend.TLS13 }, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	if e := expect(t, x.handshake(), backend.Handshake, backend.NoVersion); !e.Peer || e.Alert != backend.AlertProtocolVersion {
		t.Errorf("%+v", e)
	}
	<-x.peerDone
}

// lateRefusal: a client of TLS 1.3 hears only after its handshake that its
// certificate was refused, one of TLS 1.2 during it.
func (s suite) lateRefusal(t *testing.T) {
	for _, v := range bothVersions {
		for _, cert := range []*pki.Cert{nil, s.pki.BadClient(pki.UnknownCA)} {
			x := s.dial(t, func(cfg *backend.ClientConfig) {
				if cert != nil {
					cfg.Keys = cert.Pair()
				}
			}, func(cfg *tls.Config) {
				cfg.MaxVersion, cfg.ClientAuth, cfg.ClientCAs = v, tls.RequireAndVerifyClientCert, pool(s.pki.Root)
			})
			err := x.handshake()
			kind, reason := backend.Handshake, backend.PeerRefused
			if v == backend.TLS13 {
				if err != nil {
					t.Fatal(err)
				}
				kind, reason, err = backend.Record, backend.PeerAlert, x.readEnd()
			}
			want := backend.AlertUnknownCA
			switch {
			case cert == nil && v == backend.TLS13:
				want = backend.AlertCertificateRequired
			case cert == nil:
				want = backend.AlertHandshakeFailure
			}
			if e := expect(t, err, kind, reason); !e.Peer || e.Alert != want {
				t.Errorf("%s: %v, want %s of the peer", versionName(v), e, want)
			}
			<-x.peerDone
		}
	}
}

// clearRefusal: OpenSSL's TLS 1.3 client refuses a certificate in the clear,
// where encrypted records are due.
func (s suite) clearRefusal(t *testing.T) {
	x := s.serve(t, nil, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 })
	go func() { x.peerDone <- x.peer.Handshake() }()
	if !x.await() {
		t.Fatal("the peer says nothing")
	}
	// Nothing is read in the call that writes the answer, however quick the peer is.
	x.split = func(have int) int {
		if len(x.seen[1]) > 0 {
			return 0
		}
		return have
	}
	if err := x.conn.Handshake(); err != backend.ErrAgain {
		t.Fatal(err)
	}
	x.split = nil
	if !x.await() {
		t.Fatal("the peer does not answer")
	}
	x.tamper(func([]byte) []byte { return []byte{21, 3, 3, 0, 2, 2, byte(backend.AlertUnknownCA)} })
	e := expect(t, x.drive(x.conn.Handshake), backend.Handshake, backend.PeerRefused)
	if !e.Peer || e.Alert != backend.AlertUnknownCA {
		t.Errorf("%v, want unknown_ca of the peer", e)
	}
	x.hangUp()
	<-x.peerDone
}
