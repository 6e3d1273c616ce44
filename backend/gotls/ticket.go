package gotls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

// A ticket is a session of crypto/tls, sealed by us:
//
//	name of the key (16 bytes), nonce (12), AES-256-GCM of the session, tag (16)
//
// Name and AES key are derived (HKDF-SHA256) from a ticket key and from what
// the ticket is for, so a ticket for something else has no key here. The
// session carries, beside what crypto/tls needs, the time of the full
// handshake and what the client presented in it:
//
//	"ucspitls\x01", seconds since 1970 (8 bytes), certificates (3 bytes of length and DER each)

const (
	ticketLabel  = "ucspitls crypto/tls ticket 1"
	sessionLabel = "ucspitls\x01"
	nameLen      = 16

	extendedMasterSecret = 23 // RFC 7627

	// maxTicket leaves room in the two bytes of a ticket's length, and in a
	// ClientHello that some clients keep below 64 KiB.
	maxTicket = 60000
)

// tickets seals and opens the tickets of one connection.
type tickets struct {
	server *server
	conn   *cryptotls.Conn
	keys   []ticketKey // current first
	since  int64       // the full handshake of the session that is resumed
}

type ticketKey struct {
	name []byte
	aead cipher.AEAD
}

// useTickets makes cfg, the configuration of one connection, use tickets.
func (s *server) useTickets(c *cryptotls.Conn, cfg *tls.Config, hello *tls.ClientHelloInfo, leaf []byte) error {
	secrets := s.LiveTicketKeys()
	if len(secrets) == 0 {
		return nil
	}
	t := &tickets{server: s, conn: c}
	ems := slices.Contains(hello.Extensions, extendedMasterSecret)
	info := ticketLabel + string(s.TicketContext(hello.ServerName, leaf, ems))
	for _, secret := range secrets {
		key, err := deriveTicketKey(secret, info)
		if err != nil {
			return err
		}
		t.keys = append(t.keys, key)
	}
	cfg.SessionTicketsDisabled = false
	cfg.WrapSession, cfg.UnwrapSession = t.wrap, t.unwrap
	return nil
}

func deriveTicketKey(secret []byte, info string) (ticketKey, error) {
	derived, err := hkdf.Key(sha256.New, secret, nil, info, nameLen+32)
	if err != nil {
		return ticketKey{}, err
	}
	defer clear(derived[nameLen:])
	block, err := aes.NewCipher(derived[nameLen:])
	if err != nil {
		return ticketKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return ticketKey{derived[:nameLen:nameLen], aead}, err
}

// wrap is tls.Config.WrapSession.
func (t *tickets) wrap(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
	if !cs.DidResume {
		t.since = t.server.now().Unix()
	}
	origin, err := encodeOrigin(t.since, cs.PeerCertificates)
	if err != nil {
		return nil, err
	}
	ss.Extra = append(ss.Extra, origin)
	plain, err := ss.Bytes()
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	key := t.keys[0]
	ticket := key.aead.Seal(append(make([]byte, 0, nameLen+len(plain)+key.aead.Overhead()), key.name...), nil, plain, key.name)
	if len(ticket) > maxTicket {
		// There is no way to send none now. This one nobody can open.
		ticket = make([]byte, nameLen)
	}
	if cs.Version == tls.VersionTLS13 {
		t.conn.HoldTicket(len(ticket))
	}
	return ticket, nil
}

// unwrap is tls.Config.UnwrapSession. No session and no error: there will be a
// full handshake.
func (t *tickets) unwrap(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
	ss, err := tls.ParseSessionState(t.open(ticket))
	if err != nil {
		return nil, nil
	}
	for _, extra := range ss.Extra {
		if since, presented, ok := decodeOrigin(extra); ok && t.acceptable(since, presented) {
			t.since = since
			return ss, nil
		}
	}
	return nil, nil
}

func (t *tickets) open(ticket []byte) []byte {
	if len(ticket) < nameLen {
		return nil
	}
	for _, key := range t.keys {
		if string(ticket[:nameLen]) == string(key.name) {
			if plain, err := key.aead.Open(nil, nil, ticket[nameLen:], key.name); err == nil {
				return plain
			}
		}
	}
	return nil
}

// acceptable reports whether a full handshake would come to the same today.
func (t *tickets) acceptable(since int64, presented []*x509.Certificate) bool {
	s := t.server
	switch {
	case !backend.TicketFresh(time.Unix(since, 0), s.now()):
		return false
	case len(presented) == 0:
		return s.Client != backend.CertMandatory
	case s.Verifier == nil:
		return false
	}
	return s.Verifier.Peer(presented, x509.ExtKeyUsageClientAuth, "") == nil
}

func (s *server) now() time.Time {
	if s.Time != nil {
		return s.Time()
	}
	return time.Now()
}

func encodeOrigin(since int64, presented []*x509.Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddBytes([]byte(sessionLabel))
	b.AddUint64(uint64(since))
	for _, c := range presented {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(c.Raw) })
	}
	return b.Bytes()
}

func decodeOrigin(extra []byte) (since int64, presented []*x509.Certificate, ok bool) {
	in := cryptobyte.String(extra)
	var label []byte
	var seconds uint64
	if !in.ReadBytes(&label, len(sessionLabel)) || string(label) != sessionLabel || !in.ReadUint64(&seconds) {
		return 0, nil, false
	}
	for !in.Empty() {
		var der cryptobyte.String
		if !in.ReadUint24LengthPrefixed(&der) {
			return 0, nil, false
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return 0, nil, false
		}
		presented = append(presented, c)
	}
	return int64(seconds), presented, true
}
