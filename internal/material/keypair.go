package material

import (
	"bytes"
	"errors"

	"ucspitls/backend"
	"ucspitls/internal/ucspi"
)

// A filePair is a certificate chain and its key, open and not read. Where a
// guard has the keys only their names are known.
type filePair struct {
	cert, key *file
	guard     Guard // nil for none
	number    uint32
}

// pair reads the default pair.
func (env environment) pair(guard Guard) (*backend.KeyPair, error) {
	certPath, err := env.need(ucspi.CertFile)
	if err != nil {
		return nil, err
	}
	keyPath, err := env.need(ucspi.KeyFile)
	if err != nil {
		return nil, err
	}
	p, err := openPair("", certPath, keyPath, guard, 0)
	if err != nil {
		return nil, err
	}
	return p.read()
}

// openPair opens a pair's two files; suffix is "" or ":name". A guard opens
// the key's for itself.
func openPair(suffix, certPath, keyPath string, guard Guard, number uint32) (*filePair, error) {
	cert, err := openFile(ucspi.CertFile+suffix, certPath)
	if err != nil {
		return nil, err
	}
	if guard != nil {
		return &filePair{cert, unopened(ucspi.KeyFile+suffix, keyPath), guard, number}, nil
	}
	key, err := openFile(ucspi.KeyFile+suffix, keyPath)
	if err != nil {
		cert.close()
		return nil, err
	}
	return &filePair{cert, key, nil, number}, nil
}

func (p *filePair) close() {
	p.cert.close()
	p.key.close()
}

// read reads and closes both files. Their text is wiped: either may hold the
// key. What is left of the key is the pair's Key, which is the caller's; only
// of PEM text with blanks inside its lines does encoding/pem make a copy that
// can't be reached.
func (p *filePair) read() (*backend.KeyPair, error) {
	defer p.close()
	chain, err := parseFile(p.cert, parseChain)
	if err != nil {
		return nil, err
	}
	if p.guard != nil {
		return &backend.KeyPair{Chain: chain, Guard: p.guard.Signer(p.number), CertName: p.cert.where, KeyName: p.key.where}, nil
	}
	key, err := parseFile(p.key, func(data []byte) ([]byte, error) { return parseKey(data, p.key.path) })
	if err != nil {
		return nil, err
	}
	return &backend.KeyPair{Chain: chain, Key: key, CertName: p.cert.where, KeyName: p.key.where}, nil
}

// parseFile reads f, parses what is in it and wipes that. The parser must not
// keep any part of its argument.
func parseFile[T any](f *file, parse func([]byte) (T, error)) (T, error) {
	data, err := f.read()
	if err != nil {
		var none T
		return none, err
	}
	defer clear(data)
	parsed, err := parse(data)
	var fault flaw
	if errors.As(err, &fault) {
		err = unusable(f.where, backend.Reason(fault))
	}
	return parsed, err
}

// parseChain gives the certificates of a PEM or DER file, as a copy, in its
// order. Of a TRUSTED CERTIFICATE it takes the certificate: whom to trust is
// nothing to a chain of our own.
func parseChain(data []byte) ([][]byte, error) {
	var chain [][]byte
	key := false
	for b, err := range blocks(data) {
		switch {
		case err != nil:
			return nil, err
		case b.label == "TRUSTED CERTIFICATE":
			elements := splitDER(b.der)
			if len(elements) == 0 {
				return nil, flaw(string(backend.BadCertificate) + b.at())
			}
			b.der = elements[0]
		case b.holdsKey():
			key = true
			clear(b.der)
			continue
		case !b.holdsCertificate() && b.label != "":
			continue
		}
		if outlineOf(b.der) != certificate {
			return nil, flaw(string(backend.BadCertificate) + b.at())
		}
		chain = append(chain, bytes.Clone(b.der))
	}
	switch {
	case chain != nil:
		return chain, nil
	case key:
		return nil, flaw("only a private key in it, no certificate")
	}
	return nil, nothing(data, "certificate")
}

// parseKey gives the first private key of a PEM or DER file, as a copy in the
// form it has there. path is for the advice that errors give.
func parseKey(data []byte, path string) ([]byte, error) {
	var key []byte
	certificates := false
	for b, err := range blocks(data) {
		switch {
		case err != nil:
			clear(key)
			return nil, err
		case !b.holdsKey():
			certificates = certificates || b.holdsCertificate()
		case key != nil:
			clear(b.der)
		default:
			if err := checkKey(&b, path); err != nil {
				clear(b.der)
				return nil, err
			}
			key = b.der
			if b.label == "" {
				key = bytes.Clone(b.der)
			}
		}
	}
	switch {
	case key != nil:
		return key, nil
	case certificates:
		return nil, flaw("only a certificate in it, no private key")
	}
	return nil, nothing(data, "private key")
}

// checkKey looks at what is said about a key, and at its outline.
func checkKey(b *block, path string) error {
	shape := outlineOf(b.der)
	switch {
	case b.encrypted || b.label == "ENCRYPTED PRIVATE KEY" || shape == keySealed:
		return flaw("the private key is encrypted; decrypt it with: openssl pkey -in " + path + " -out NEW")
	case b.label == "OPENSSH PRIVATE KEY":
		return flaw("an OpenSSH private key; PKCS#8, PKCS#1 or SEC1 is needed")
	case b.label == "DSA PRIVATE KEY":
		return flaw(backend.KeyUnsupported)
	case shape < keyPKCS8:
		return flaw(string(backend.BadKey) + b.at())
	}
	return nil
}

// nothing is the flaw of a file in which what was looked for is not found.
func nothing(data []byte, what string) error {
	switch {
	case isBlank(data):
		return flaw("the file is empty")
	case startsLikeDER(data):
		return flaw("malformed or cut off DER, no " + what + " in it")
	}
	return flaw("no " + what + " in it")
}
