package cryptotls

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"errors"
	"io"

	"ucspitls/backend"
)

// A guardedKey is a private key that is in another process. crypto/tls gives
// a crypto.MessageSigner all of what is to be signed and not its digest.
type guardedKey struct {
	public crypto.PublicKey
	guard  backend.Signer
	conn   *Conn // whose handshake this is for; nil in an endpoint
}

var _ crypto.MessageSigner = (*guardedKey)(nil)

func (k *guardedKey) Public() crypto.PublicKey { return k.public }

func (k *guardedKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key guard signs no digests")
}

func (k *guardedKey) SignMessage(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	version := backend.TLS12
	if bytes.HasPrefix(message, padding13) {
		version = backend.TLS13
	}
	signature, err := k.guard.Sign(version, schemeOf(k.public, opts), message)
	if err != nil && k.conn != nil {
		k.conn.Fail(err) // of which crypto/tls keeps the words alone
	}
	return signature, err
}

// padding13 begins what TLS 1.3 signs (RFC 8446, 4.4.3). TLS 1.2 has the
// randoms and the curve type there, which is no letter.
var padding13 = append(bytes.Repeat([]byte{' '}, 64), "TLS 1.3, "...)

// Own is cert for the handshake of c alone, which then ends with what its
// guard says if that can't sign. A cert with its key at hand stays as it is.
func (c *Conn) Own(cert *tls.Certificate) *tls.Certificate {
	k, ok := cert.PrivateKey.(*guardedKey)
	if !ok {
		return cert
	}
	own := *cert
	own.PrivateKey = &guardedKey{k.public, k.guard, c}
	return &own
}
