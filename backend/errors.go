package backend

import "errors"

var (
	// ErrAgain: nothing now, nothing lost, call again when the Wire has more.
	ErrAgain = errors.New("again")
	// ErrBareEOF: the peer's FIN came between two records, without close_notify.
	ErrBareEOF = errors.New("connection closed without a close_notify")
)

// A Kind is a class of failure.
type Kind uint8

const (
	Config    Kind = iota + 1 // the files or values given can't be used
	Setup                     // the library could not be set up
	Handshake                 // the handshake failed
	Record                    // a record could not be used, or an alert came after the handshake
	Truncated                 // the network ended inside a record
)

// An Error is a failure in words that are the same on every backend.
type Error struct {
	Kind   Kind
	Reason Reason
	Where  string // what a Config error is about, in the words of the configuration: a KeyPair's names, a server name, a fingerprint
	Alert  Alert  // the fatal alert that went with it, 0 if there was none or it is not known
	Peer   bool   // the alert was received, not sent
	Err    error  // the library's own words, shown at -v2
}

func (e *Error) Error() string {
	s := string(e.Reason)
	if e.Where != "" {
		s = e.Where + ": " + s
	}
	if e.Alert != 0 {
		who := "sent"
		if e.Peer {
			who = "peer sent"
		}
		s += " (" + who + " alert " + e.Alert.String() + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// A Reason says in words for an administrator what went wrong.
type Reason string

// Configuration.
const (
	BadCertificate Reason = "not a usable certificate"
	BadKey         Reason = "not a usable private key"
	KeyUnsupported Reason = "unsupported key type (RSA, ECDSA P-256, P-384, P-521 and Ed25519 can be used)"
	KeyTooShort    Reason = "RSA key is too short (2048 bits at least)"
	KeyMismatch    Reason = "private key does not match the certificate"
	BadAnchor      Reason = "not a usable trust anchor"
	BadCRL         Reason = "not a usable CRL"
	NoAnchor       Reason = "no trust anchor"
	CRLUnsupported Reason = "delta, indirect and partitioned CRLs are not supported"
	BadServerName  Reason = "not a valid server name"
	BadVersions    Reason = "not a range of TLS versions between 1.2 and 1.3"
	BadALPN        Reason = "not a list of application protocols (1 to 255 bytes each)"
	BadMode        Reason = "not a way to ask for client certificates"
	BadTicketKey   Reason = "not a session ticket key (32 random bytes or more, each key once)"
	NoTickets      Reason = "the library's own configuration forbids session tickets"

	TicketsUnsupported Reason = "this backend has no session tickets"
	NoGuard            Reason = "this backend has no key guard"
	FingerprintNoGuard Reason = "a client with a fingerprint can't sign with a guarded key"

	NoFingerprint       Reason = "this backend can't choose its ClientHello"
	UnknownFingerprint  Reason = "no ClientHello of that name is known"
	FingerprintVersions Reason = "this ClientHello can't keep to the TLS versions that are asked for"
	FingerprintALPN     Reason = "this ClientHello has no application protocols, and some are asked for"
	FingerprintNoALPN   Reason = "this ClientHello has application protocols, and none are asked for"
)

// Handshake, whoever is at fault.
const (
	NotTLS        Reason = "the peer does not speak TLS"
	NoVersion     Reason = "no protocol version in common"
	NoCipher      Reason = "no cipher suite, group or signature algorithm in common"
	NoALPN        Reason = "no application protocol in common"
	UnknownName   Reason = "no certificate for the server name that the client asked for"
	PeerClosed    Reason = "the peer closed the connection during the handshake"
	PeerRefused   Reason = "the peer refused the handshake"
	BadHandshake  Reason = "the peer sent a bad handshake message"
	BadPeerProof  Reason = "the peer did not prove that it has its private key"
	NoPeerCert    Reason = "the peer sent no certificate"
	PeerUntrusted Reason = "the peer's certificate is not signed by a trust anchor"
	PeerExpired   Reason = "the peer's certificate has expired"
	PeerNotYet    Reason = "the peer's certificate is not valid yet"
	PeerPurpose   Reason = "the peer's certificate is not meant for this use"
	PeerName      Reason = "the peer's certificate is for another name"
	PeerRevoked   Reason = "the peer's certificate is revoked"
	PeerNoCRL     Reason = "there is no current CRL for the peer's certificate"
	PeerWeak      Reason = "the peer's certificate has an RSA key under 2048 bits or a weak signature"
	PeerBadCert   Reason = "the peer's certificate is malformed or can't be used"
	PeerBadChain  Reason = "the peer's certificate chain is not valid"
	InternalError Reason = "the TLS library failed"
)

// After the handshake.
const (
	BadRecord     Reason = "the peer sent a bad record"
	CutRecord     Reason = "the connection ended inside a record"
	PeerAlert     Reason = "the peer ended the session"
	BadMessage    Reason = "the peer sent a bad message after the handshake"
	Renegotiation Reason = "the peer asked for renegotiation"
)
