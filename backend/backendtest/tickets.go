package backendtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// each runs f in both versions.
func (s suite) each(t *testing.T, name string, f func(t *testing.T, c visit)) {
	for _, v := range bothVersions {
		t.Run(name+" "+versionName(v), func(t *testing.T) { f(t, s.visitor(t, v)) })
	}
}

// noTickets: whoever asks for tickets is told that there are none.
func (s suite) noTickets(t *testing.T) {
	_, err := s.NewServer(&backend.ServerConfig{Default: s.pki.Server(pki.P256).Pair(), TicketKeys: [][]byte{ticketKey(1)}})
	expect(t, err, backend.Config, backend.TicketsUnsupported)
}

// tickets: who has the keys resumes the session, and nobody else.
func (s suite) tickets(t *testing.T) {
	s.each(t, "another endpoint", func(t *testing.T, c visit) {
		first := c.expect(false)
		for range 3 { // each time with the ticket of the time before
			before := c.jar.ticket(t)
			again := c.expect(true)
			if again.Version != first.Version || again.Cipher != first.Cipher {
				t.Errorf("%+v, first %+v", again, first)
			}
			if bytes.Equal(before, c.jar.ticket(t)) {
				t.Error("the same ticket again")
			}
		}
		if c.jar.puts != 4 {
			t.Errorf("%d tickets in 4 sessions", c.jar.puts)
		}
	})
	s.each(t, "rotated", func(t *testing.T, c visit) {
		c.expect(false)
		c.expect(true, withKeys(2, 1))
		c.expect(true, withKeys(2)) // the ticket was renewed with the new key
		c.expect(true, withKeys(5, 4, 3, 2))
		c.expect(false, withKeys(4, 3)) // that was sealed with the first one
	})
	s.each(t, "another key", func(t *testing.T, c visit) {
		c.expect(false)
		c.expect(false, withKeys(2))
		c.expect(true, withKeys(2))
	})
	s.each(t, "no keys", func(t *testing.T, c visit) {
		if c.expect(false, withKeys()); c.jar.puts != 0 {
			t.Error("a ticket without a key")
		}
		c.expect(false)
		c.expect(false, withKeys())
	})
	s.each(t, "wiped keys", func(t *testing.T, c visit) {
		wiped := func(cfg *backend.ServerConfig) { cfg.TicketKeys = [][]byte{make([]byte, backend.TicketKeyLen)} }
		if c.expect(false, wiped); c.jar.puts != 0 {
			t.Error("a ticket sealed with nothing")
		}
		c.expect(false)
		c.expect(true, func(cfg *backend.ServerConfig) { cfg.TicketKeys = append(cfg.TicketKeys, make([]byte, 40)) })
	})
	s.each(t, "a long key", func(t *testing.T, c visit) {
		long := func(last byte) func(*backend.ServerConfig) {
			return func(cfg *backend.ServerConfig) { cfg.TicketKeys = [][]byte{append(ticketKey(1), last)} }
		}
		c.expect(false, long(1))
		c.expect(false, long(2)) // all of it counts
		c.expect(true, long(2))
	})
	s.each(t, "damaged", func(t *testing.T, c visit) {
		c.expect(false)
		good := c.jar.ticket(t)
		for _, bad := range [][]byte{good[:len(good)-1], good[:16], good[:1], append(slices.Clone(good), 0), bytes.Repeat(good, 60000/len(good))} {
			c.jar.replace(t, bad)
			c.expect(false)
		}
		for at := 0; at < len(good); at += 1 + len(good)/40 {
			bad := slices.Clone(good)
			bad[at] ^= 1
			c.jar.replace(t, bad)
			c.expect(false)
		}
	})
	// A client that only sends closes with what it has not read; were that a
	// ticket, its system would reset the connection.
	s.each(t, "goes out with data", func(t *testing.T, c visit) {
		if c.v == backend.TLS12 {
			t.Skip("part of the handshake")
		}
		for _, mode := range []backend.CertMode{backend.CertNone, backend.CertOptional} {
			c.server = func(cfg *backend.ServerConfig) { cfg.Client, cfg.Anchors = mode, s.pki.Anchors() }
			c.jar = &jar{}
			for range 2 {
				x := c.to()
				x.connect()
				x.peerWrite([]byte("all I have to say"))
				x.read(17)
				x.link.mu.Lock()
				unread := len(x.out.data)
				x.link.mu.Unlock()
				if unread > 0 {
					t.Errorf("mode %d: %d bytes before anything was written", mode, unread)
				}
				x.echo()
			}
			if c.jar.puts != 2 {
				t.Errorf("mode %d: %d tickets", mode, c.jar.puts)
			}
		}
	})
	s.each(t, "forward secrecy", func(t *testing.T, c visit) {
		c.expect(false)
		if state := c.expect(true); c.v == backend.TLS13 && state.Group == "" {
			t.Error("resumed without a key exchange")
		}
	})
	for _, keys := range [][][]byte{{nil}, {make([]byte, backend.TicketKeyLen-1)}, {ticketKey(1), ticketKey(2), ticketKey(1)}} {
		_, err := s.NewServer(&backend.ServerConfig{Default: s.pki.Server(pki.P256).Pair(), TicketKeys: keys})
		expect(t, err, backend.Config, backend.BadTicketKey)
	}
}

// ticketPurpose: a ticket is for the same server and service.
func (s suite) ticketPurpose(t *testing.T) {
	anyName := func(cfg *tls.Config) { cfg.InsecureSkipVerify = true }
	for _, c := range []struct {
		name string
		edit func(*backend.ServerConfig)
	}{
		{"another certificate", func(cfg *backend.ServerConfig) { cfg.Default = s.pki.Server(pki.P384).Pair() }},
		{"a renewed certificate", func(cfg *backend.ServerConfig) {
			renewed := s.pki.Named("renewed", pki.Spec{DNS: []string{pki.Host}})
			cfg.Default = renewed.Pair()
		}},
		{"wants client certificates", func(cfg *backend.ServerConfig) {
			cfg.Client, cfg.Anchors = backend.CertOptional, s.pki.Anchors()
		}},
		{"another protocol", func(cfg *backend.ServerConfig) { cfg.ALPN = []string{"b"} }},
		{"other versions", func(cfg *backend.ServerConfig) { cfg.MinVersion = cfg.MaxVersion }},
	} {
		s.each(t, c.name, func(t *testing.T, v visit) {
			v.server = func(cfg *backend.ServerConfig) { cfg.ALPN, cfg.MaxVersion = []string{"a"}, v.v }
			if c.name == "other versions" && v.v == backend.TLS12 {
				t.Skip("1.2 is the lowest")
			}
			v.client = func(cfg *tls.Config) { cfg.InsecureSkipVerify, cfg.NextProtos = true, []string{"a", "b"} }
			v.expect(false)
			good := v.jar.session
			v.expect(false, c.edit)
			v.expect(true, c.edit)
			v.jar.session = good
			v.expect(true)
		})
	}
	s.each(t, "another name", func(t *testing.T, v visit) {
		name := ""
		v.client = func(cfg *tls.Config) { anyName(cfg); cfg.ServerName = name }
		for _, next := range []struct {
			name    string
			resumed bool
		}{{"a.example", false}, {"b.example", false}, {"b.example", true}, {"B.Example", true}, {"", false}, {"", true}, {"a.example", false}} {
			name = next.name
			if state := v.expect(next.resumed); state.ServerName != name {
				t.Errorf("state has the name %q, want %q", state.ServerName, name)
			}
		}
	})
	s.each(t, "a pair by name", func(t *testing.T, v visit) {
		asked := 0
		v.server = func(cfg *backend.ServerConfig) {
			cfg.Keys = func(name string) (*backend.KeyPair, error) {
				asked++
				return s.pki.Server(pki.P384).Pair(), nil
			}
		}
		v.expect(false)
		v.expect(true)
		if asked != 2 {
			t.Errorf("Keys was called %d times", asked)
		}
	})
	// What is agreed on is agreed on anew.
	s.each(t, "application protocol", func(t *testing.T, v visit) {
		v.server = func(cfg *backend.ServerConfig) { cfg.ALPN = []string{"a", "b"} }
		for i, offer := range []string{"a b", "b", "a", "", "b"} {
			v.client = func(cfg *tls.Config) { cfg.NextProtos = strings.Fields(offer) }
			want := strings.Join(cut(strings.Fields(offer), 1), "")
			if state := v.expect(i > 0); state.ALPN != want {
				t.Errorf("offered %q, got %q", offer, state.ALPN)
			}
		}
		v.client = func(cfg *tls.Config) { cfg.NextProtos = []string{"c"} }
		refused(t, v.to(), backend.NoALPN)
	})
}

func cut(list []string, n int) []string { return list[:min(n, len(list))] }

// ticketPeer: a resumed session says of its client what a full handshake
// would say today.
func (s suite) ticketPeer(t *testing.T) {
	good := s.pki.Client(pki.P256)
	many := s.manyAnchors()
	for mode, name := range map[backend.CertMode]string{backend.CertOptional: "optional", backend.CertMandatory: "mandatory"} {
		for list, anchors := range map[string][][]byte{"": s.pki.Anchors(), ", many anchors": many} {
			s.each(t, name+list, func(t *testing.T, v visit) {
				v.server = func(cfg *backend.ServerConfig) { cfg.Client, cfg.Anchors = mode, anchors }
				v.client = present(good)
				for i := range 3 {
					if state := v.expect(i > 0); !bytes.Equal(state.Peer, good.DER()) {
						t.Errorf("visit %d: the wrong peer in the state", i)
					}
				}
				ticket := v.jar.session
				// Who can't be verified any more must show a certificate, which is refused.
				for _, c := range []struct {
					edit func(*backend.ServerConfig)
					want backend.Reason
				}{
					{func(cfg *backend.ServerConfig) { cfg.Anchors = [][]byte{s.pki.Other.DER()} }, backend.PeerUntrusted},
					{func(cfg *backend.ServerConfig) { cfg.CRLs = s.pki.CRLs(good) }, backend.PeerRevoked},
					{func(cfg *backend.ServerConfig) { cfg.CRLs = s.pki.CRLs(s.pki.Intermediate) }, backend.PeerRevoked},
					{func(cfg *backend.ServerConfig) { cfg.CRLs = s.pki.CRLs()[:1] }, backend.PeerNoCRL},
				} {
					v.jar.session = ticket
					x := v.to(c.edit)
					refused(t, x, c.want)
					if x.conn.State().Resumed {
						t.Error("it counts as resumed")
					}
				}
				v.jar.session = ticket
				if state := v.expect(true, func(cfg *backend.ServerConfig) { cfg.CRLs = s.pki.CRLs() }); state.Peer == nil {
					t.Error("CRLs that are good cost the peer")
				}
				// The session of one who has no certificate now, and may have none.
				v.jar.session, v.client = ticket, nil
				if x := v.to(func(cfg *backend.ServerConfig) { cfg.CRLs = s.pki.CRLs(good) }); mode == backend.CertMandatory {
					refused(t, x, backend.NoPeerCert)
				} else if x.connect(); x.conn.State().Peer != nil || x.conn.State().Resumed {
					t.Errorf("%+v", x.conn.State())
				}
			})
		}
	}
	s.each(t, "nobody", func(t *testing.T, v visit) {
		v.server = func(cfg *backend.ServerConfig) { cfg.Client, cfg.Anchors = backend.CertOptional, s.pki.Anchors() }
		v.expect(false)
		if state := v.expect(true); state.Peer != nil {
			t.Error("somebody is in the state")
		}
		// What is optional here is mandatory there.
		refused(t, v.to(func(cfg *backend.ServerConfig) { cfg.Client = backend.CertMandatory }), backend.NoPeerCert)
	})
	s.each(t, "out of date", func(t *testing.T, v visit) {
		soon := s.pki.Named("client for a day", pki.Spec{NotAfter: time.Now().Add(24 * time.Hour), Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		v.server = func(cfg *backend.ServerConfig) { cfg.Client, cfg.Anchors = backend.CertMandatory, s.pki.Anchors() }
		v.client = present(soon)
		v.expect(false)
		v.expect(true, after(23*time.Hour))
		refused(t, v.to(after(25*time.Hour)), backend.PeerExpired)
	})
	// A ticket holds what the client presented. Where that is too much there
	// is no ticket that can be used, and the handshake does not fail of it.
	for _, sizes := range [][]int{{3000}, {15000}, {25000}, {58000}, {70000}, // the leaf,
		{0, 10000}, {0, 10000, 10000}, {0, 3000, 3000, 3000, 3000, 3000, 3000}, {0, 20000}, {0, 100, 20000, 100}, // and what stands above it
		{50000, 14000}, {45000, 15000}, {58000, 3000}, {58000, 15000}} {
		s.each(t, fmt.Sprint("large certificates ", sizes), func(t *testing.T, v visit) {
			if v.v == backend.TLS12 && sizes[0] > 60000 {
				t.Skip("a library may have promised a ticket by then")
			}
			large := s.pki.Large(sizes...)
			v.server = func(cfg *backend.ServerConfig) { cfg.Client, cfg.Anchors = backend.CertMandatory, s.pki.Anchors() }
			v.client = present(large)
			for range 2 {
				x := v.to()
				x.connect()
				x.echo()
				if !bytes.Equal(x.conn.State().Peer, large.DER()) {
					t.Error("the wrong peer in the state")
				}
				t.Logf("resumed: %v, ticket of %d bytes", x.conn.State().Resumed, len(v.jar.ticket(t)))
			}
		})
	}
}

// after moves the server's clock.
func after(d time.Duration) func(*backend.ServerConfig) {
	return func(cfg *backend.ServerConfig) { cfg.Time = func() time.Time { return time.Now().Add(d) } }
}

// ticketAge: seven days after the full handshake it is over, however often
// the session was resumed in between.
func (s suite) ticketAge(t *testing.T) {
	const day = 24 * time.Hour
	s.each(t, "fresh", func(t *testing.T, v visit) {
		v.expect(false)
		v.expect(true, after(7*day-time.Hour))
	})
	s.each(t, "stale", func(t *testing.T, v visit) {
		v.expect(false)
		v.expect(false, after(7*day+time.Hour))
	})
	s.each(t, "from the future", func(t *testing.T, v visit) {
		v.expect(false, after(time.Hour)) // the clocks of two machines
		v.expect(true)
		v.jar.session = nil
		v.expect(false, after(8*day))
		v.expect(false)
	})
	s.each(t, "resumed every day", func(t *testing.T, v visit) {
		v.expect(false)
		for n := range 8 {
			v.expect(n < 7, after(time.Duration(n)*day+time.Hour))
		}
	})
}
