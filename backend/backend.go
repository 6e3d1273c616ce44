// Package backend is the contract between the engine and a TLS implementation.
//
// A backend never sees a descriptor, never waits and owns no clock: it turns
// bytes that lie in a [Wire] into cleartext and back. Everything about
// processes, descriptors, timeouts and the end of a session is the engine's,
// once for all backends. backend/backendtest is this contract as tests.
package backend

import "time"

// A Backend is one TLS implementation. It speaks TLS 1.3, and TLS 1.2 with ECDHE
// and AES-GCM or ChaCha20-Poly1305; the groups are X25519, P-256, P-384, P-521
// and, where the library has it, X25519MLKEM768; no signature is made or taken with SHA-1.
// FIPS mode may leave some of them out.
type Backend interface {
	Info() Info
	// NewServer and NewClient check all that can be checked before a peer is
	// there. Their errors are an *Error of kind Config or Setup.
	NewServer(*ServerConfig) (Endpoint, error)
	NewClient(*ClientConfig) (Endpoint, error)
}

// Info says what a build contains; --version prints it.
type Info struct {
	Name    string // one word; of a backend of this module, its build tag
	Library string // the library and its version: "crypto/tls of go1.26.8"
	FIPS    string // the cryptographic module in FIPS mode and its version, or "off"; see Common.RequireFIPS
}

// A Fingerprinter is a Backend that can choose a client's ClientHello.
type Fingerprinter interface {
	// Fingerprints is what ClientConfig.Fingerprint may be. A name that ends
	// in "[:SEED]" may be followed by a colon and a seed, any text.
	Fingerprints() []Fingerprint
}

// A Fingerprint is a name and the JA4 of the ClientHello that it stands for,
// with the ALPN of the program it is taken from and a server name of some
// length; "-" if there is no one value.
type Fingerprint struct{ Name, JA4 string }

// An Endpoint is a configuration that was checked. It is immutable and any
// number of Conns may share it.
type Endpoint interface {
	// NewConn starts a connection; nothing is written before Handshake.
	NewConn(Wire) Conn
}

// A Wire is the network as two queues of bytes, filled and drained by the engine.
type Wire interface {
	// Read gives ErrAgain when nothing is there, or too much output waits,
	// and io.EOF once the peer's FIN is reached. It never gives 0, nil.
	Read(p []byte) (int, error)
	// Write keeps a copy of all of p and never fails.
	Write(p []byte) (int, error)
}

// A Conn is one TLS connection. It has one owner and never blocks. An
// ErrAgain loses nothing: the call is made again when the Wire has more.
// Every other error is final for its direction and is an *Error but where
// said otherwise. Before it returns a fatal error that TLS answers with an
// alert, the alert is in the Wire.
type Conn interface {
	// Handshake returns nil when both sides are done and the last flight is in the Wire.
	Handshake() error
	// Read gives io.EOF after close_notify, ErrBareEOF after a FIN between two records.
	Read(p []byte) (int, error)
	// Write takes all of p. It is possible after either EOF of Read.
	Write(p []byte) (int, error)
	// CloseWrite queues close_notify; Read goes on.
	CloseWrite() error
	// State tells what is known so far, also after a failed handshake.
	State() State
	// Close frees and wipes, at any time; in the middle of a handshake it
	// cancels it. It writes nothing.
	Close()
}

// TLS versions as they stand on the wire (RFC 5246 and RFC 8446, 4.2.1).
const (
	TLS12 uint16 = 0x0303
	TLS13 uint16 = 0x0304
)

// Common is what both sides configure.
type Common struct {
	MinVersion, MaxVersion uint16            // TLS12 or TLS13; zero: 1.2 to 1.3
	ALPN                   []string          // server: in order of preference; a peer that has none of them in common is refused
	Anchors                [][]byte          // trust anchors, DER certificates; every one is an anchor, self-signed or not
	CRLs                   [][]byte          // DER; when there are any, each certificate below the anchor needs a current one (RFC 5280, 6.3)
	KeyLog                 func(line []byte) // gets each NSS key log line, without newline; nil: none
	Time                   func() time.Time  // for dates of certificates and CRLs; nil: time.Now
	// RequireFIPS: without a cryptographic module in FIPS mode there is no
	// endpoint but an error of kind Config. A library that is put into that
	// mode stays in it for all that the process does, also if that failed.
	RequireFIPS bool
}

// CertMode says whether a server asks for a client's certificate.
type CertMode uint8

const (
	CertNone      CertMode = iota
	CertOptional           // may be missing; one that is presented must verify
	CertMandatory          // must be there and verify
)

// ServerConfig configures a server. It is read during NewServer and kept.
type ServerConfig struct {
	Common
	// Keys gives the pair for a server name: "" for no name, else as it came
	// from the peer. nil, nil is refused with unrecognized_name; an error is
	// answered with internal_error and comes out of Handshake. It is called
	// once per connection, when the ClientHello is parsed. Nil: always Default.
	Keys func(name string) (*KeyPair, error)
	// Default, if it is not nil, is what Keys falls back to: NewServer checks
	// it, so that a bad pair is found before a peer is there.
	Default *KeyPair
	// Pairs are what else Keys gives to many connections: NewServer checks
	// them, and keeps what it made of them. Keys may give others all the same.
	Pairs  []*KeyPair
	Client CertMode
	// TicketKeys let a client resume its session with every server of this
	// backend that has them: the first seals tickets, all open them. None: no
	// ticket is sent or taken. They are read in each handshake, so their owner
	// wipes them when there will be no more of these. See TicketContext. A
	// backend without tickets refuses them with TicketsUnsupported.
	TicketKeys [][]byte
}

// ClientConfig configures a client.
type ClientConfig struct {
	Common
	ServerName   string   // name or IP address to verify; a name is sent as SNI; empty: not sent, not verified
	NoVerifyCert bool     // skip chain, dates, CRLs and name
	Keys         *KeyPair // the client's certificate, nil for none
	Fingerprint  string   // which ClientHello to send, see Fingerprinter; empty or "golang": the library's own
}

// A KeyPair is a certificate chain and its private key, with the words that
// an error line begins with when one of them is bad ("KEYFILE: /x/key.pem").
// A backend keeps nothing that lies in Key: its owner may wipe it when
// NewServer, NewClient or the Handshake that called Keys has returned.
type KeyPair struct {
	Chain             [][]byte // DER, leaf first
	Key               []byte   // DER: PKCS#8, PKCS#1 or SEC1; nil where Guard is set
	Guard             Signer   // signs where the key is in another process, see KeyHolder
	CertName, KeyName string
}

// State is what a connection negotiated.
type State struct {
	Version    uint16
	Cipher     string // OpenSSL's name of the suite
	Group      string // key exchange group: X25519, P-256, X25519MLKEM768 ...; empty if the library can't tell
	ServerName string // server: as the client sent it, not validated; client: as it was sent
	ALPN       string
	Resumed    bool
	Peer       []byte // DER leaf of the peer; nil unless verified and its key proven
}
