package backendtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/test/need"
)

// A crafter makes records in the peer's name, with the peer's keys, that
// crypto/tls never would. From its first record on the peer can't write.
// AES-128-GCM with SHA-256 only.
type crafter struct {
	peer    string // CLIENT or SERVER, whose part it plays
	version uint16
	secret  []byte // TLS 1.3: the traffic secret
	aead    cipher.AEAD
	iv      []byte // TLS 1.3: 12 bytes, TLS 1.2: the fixed 4
	seq     uint64
}

// Record types and handshake messages.
const (
	alertRecord     = 21
	handshakeRecord = 22
	dataRecord      = 23

	helloRequest = 0
	clientHello  = 1
	newTicket    = 4
	finished     = 20
	keyUpdateMsg = 24
)

// crafted runs f for both roles and versions. Every call of start is a fresh
// session after its handshake.
func (s suite) crafted(t *testing.T, f func(t *testing.T, start func() (*session, *crafter))) {
	for _, v := range bothVersions {
		pin := func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = v, v
			c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}
		t.Run("server "+versionName(v), func(t *testing.T) {
			f(t, func() (*session, *crafter) { return craft(t, s.serve(t, nil, pin), "CLIENT") })
		})
		t.Run("client "+versionName(v), func(t *testing.T) {
			f(t, func() (*session, *crafter) { return craft(t, s.dial(t, nil, pin), "SERVER") })
		})
	}
}

func craft(t *testing.T, x *session, peer string) (*session, *crafter) {
	x.connect()
	c := &crafter{peer: peer, version: x.peer.ConnectionState().Version}
	if c.version == tls.VersionTLS13 {
		if name := x.conn.State().Cipher; name != "TLS_AES_128_GCM_SHA256" {
			need.Missing(t, "AES-128-GCM, for crafted records", "a processor with AES instructions: this one prefers "+name)
		}
		c.secret = x.secret(peer + "_TRAFFIC_SECRET_0")
		c.rekey()
		return x, c
	}
	ours, theirs := x.seen[1][11:43], x.seen[0][11:43] // the randoms, in the first record of each side
	client, server := theirs, ours
	if peer == "SERVER" {
		client, server = ours, theirs
	}
	// RFC 5246, 6.3: the MAC keys of an AEAD are empty.
	block := prf12(x.secret("CLIENT_RANDOM"), "key expansion", append(append([]byte(nil), server...), client...), 40)
	key, iv := block[:16], block[32:36]
	if peer == "SERVER" {
		key, iv = block[16:32], block[36:]
	}
	c.aead, c.iv = gcm(key), iv
	c.seq = 1 // Finished was 0
	return x, c
}

// secret is from the peer's key log.
func (x *session) secret(label string) []byte {
	x.t.Helper()
	b := secretIn(&x.keyLog, label)
	if b == nil {
		x.t.Fatalf("no %s in the key log", label)
	}
	return b
}

// secretIn finds a secret in a key log, nil if it isn't there.
func secretIn(log *bytes.Buffer, label string) []byte {
	for line := range strings.Lines(log.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == label {
			if b, err := hex.DecodeString(f[2]); err == nil {
				return b
			}
		}
	}
	return nil
}

// seal makes one record of any type and content.
func (c *crafter) seal(typ byte, content []byte) []byte {
	seq := binary.BigEndian.AppendUint64(nil, c.seq)
	c.seq++
	if c.version == tls.VersionTLS12 {
		header := []byte{typ, 3, 3, 0, 0}
		binary.BigEndian.PutUint16(header[3:], uint16(8+len(content)+16))
		aad := append(append([]byte(nil), seq...), typ, 3, 3, byte(len(content)>>8), byte(len(content)))
		nonce := append(append([]byte(nil), c.iv...), seq...)
		return c.aead.Seal(append(header, seq...), nonce, content, aad)
	}
	inner := append(append([]byte(nil), content...), typ)
	header := []byte{dataRecord, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(header[3:], uint16(len(inner)+16))
	nonce := append([]byte(nil), c.iv...)
	for i, b := range seq {
		nonce[4+i] ^= b
	}
	return c.aead.Seal(header, nonce, inner, header)
}

// open is what seal has sealed, in TLS 1.3, without its type and padding.
func (c *crafter) open(record []byte) (content []byte, ok bool) {
	nonce := append([]byte(nil), c.iv...)
	for i, b := range binary.BigEndian.AppendUint64(nil, c.seq) {
		nonce[4+i] ^= b
	}
	c.seq++
	inner, err := c.aead.Open(nil, nonce, record[5:], record[:5])
	if inner = bytes.TrimRight(inner, "\x00"); err != nil || len(inner) == 0 {
		return nil, false
	}
	return inner[:len(inner)-1], true
}

// update is what follows a KeyUpdate (RFC 8446, 7.2).
func (c *crafter) update() {
	c.secret = expandLabel(c.secret, "traffic upd", 32)
	c.rekey()
}

func (c *crafter) rekey() {
	c.aead, c.iv, c.seq = gcm(expandLabel(c.secret, "key", 16)), expandLabel(c.secret, "iv", 12), 0
}

// message is a handshake message.
func message(typ byte, body ...byte) []byte {
	return append([]byte{typ, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

// hello is the peer's own ClientHello or ServerHello, as a message.
func (x *session) hello() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen[0][5 : 5+int(binary.BigEndian.Uint16(x.seen[0][3:]))]
}

// hears is the alert that the peer gets after the handshake; 0 for none.
func (x *session) hears() backend.Alert {
	x.hangUp()
	_, err := x.peer.Read(make([]byte, 1))
	a, received := alertIn(err)
	if !received {
		return 0
	}
	return a
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// expandLabel is HKDF-Expand-Label without a context (RFC 8446, 7.1).
func expandLabel(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return out
}

// prf12 is RFC 5246, 5.
func prf12(secret []byte, label string, seed []byte, n int) []byte {
	sum := func(b []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(b)
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(append(append([]byte(nil), a...), seed...))...)
	}
	return out[:n]
}
