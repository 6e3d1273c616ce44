package backend

// A Signer has a private key and shows it to nobody. It is no oracle: it is
// given the whole of what TLS signs, and hashes and pads that itself.
type Signer interface {
	// Public is the public key, a DER SubjectPublicKeyInfo.
	Public() ([]byte, error)
	// Sign signs message for a version of TLS (TLS12, TLS13) with a scheme of
	// RFC 8446, 4.2.3. An error of it is our own fault: the handshake ends
	// with a fatal alert and that error.
	Sign(version, scheme uint16, message []byte) ([]byte, error)
}

// A KeyHolder is a Backend that can hold a key for another process, and whose
// servers and clients take a KeyPair with a Guard. Other backends refuse such
// a pair with NoGuard.
type KeyHolder interface {
	// HoldKey reads a private key and keeps no part of der. name begins its
	// errors; they are those of NewServer. Its Signer refuses a scheme that
	// does not fit the key or the version, and does not look at messages.
	HoldKey(name string, der []byte) (Signer, error)
}

// Signature schemes as they stand on the wire (RFC 8446, 4.2.3), without
// those on SHA-1.
const (
	PKCS1SHA256 uint16 = 0x0401
	PKCS1SHA384 uint16 = 0x0501
	PKCS1SHA512 uint16 = 0x0601
	ECDSASHA256 uint16 = 0x0403 // in TLS 1.3 for P-256 alone, and so on
	ECDSASHA384 uint16 = 0x0503
	ECDSASHA512 uint16 = 0x0603
	PSSSHA256   uint16 = 0x0804
	PSSSHA384   uint16 = 0x0805
	PSSSHA512   uint16 = 0x0806
	Ed25519     uint16 = 0x0807
)
