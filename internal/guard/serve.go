package guard

import (
	"errors"
	"io"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

// Keys is what a guard holds.
type Keys interface {
	// Use gives the key of a pair, numbered as in a request. Its errors, an
	// *backend.Error or *diag.Error, are what the other side reports, but for
	// ErrNoPair.
	Use(pair uint32) (backend.Signer, error)
}

// ErrNoPair: there is no pair of that number.
var ErrNoPair = errors.New("no such pair")

// A Service is a guard without its process.
type Service struct {
	Keys   Keys
	Server bool // what it signs: a server's messages, or a client's
	// MinVersion and MaxVersion bound what it signs for, as backend.Common has it.
	MinVersion, MaxVersion uint16
	Policy                 Policy
	Clock                  func() time.Duration // for the policy's rate; never goes back
	Sleep                  func(time.Duration)  // lets Clock go on
}

// Serve answers the requests on conn, one after the other, until its end or
// the policy's: nil. Any other end is an error, for which the request is to
// blame unless conn failed; it got no answer.
func (s *Service) Serve(conn io.ReadWriter) error {
	m := meter{Policy: s.Policy}
	for {
		r, err := s.next(conn)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !m.use(r.pair) {
			return violation("another pair than the one in use was asked for")
		}
		key, err := s.Keys.Use(r.pair)
		if err == ErrNoPair {
			return violation("a pair that does not exist was asked for")
		}
		var a answer
		switch {
		case err != nil:
			a = failed(err)
		case r.op == opUse:
			a = publicKey(key)
		default:
			if a, err = s.sign(key, &r, &m); err != nil {
				return err
			}
		}
		if _, err := conn.Write(a.append(nil)); err != nil {
			return nil // nobody wants it any more
		}
		if m.done() {
			return nil
		}
	}
}

// next reads one request. io.EOF comes out at the end only, also at one that
// cuts a request off.
func (s *Service) next(conn io.Reader) (request, error) {
	var head [requestHead]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return request{}, end(err)
	}
	r, ok := parseRequest(&head, s.Server)
	if !ok {
		return r, violation("a malformed request")
	}
	r.message = make([]byte, r.length)
	if _, err := io.ReadFull(conn, r.message); err != nil {
		return r, end(err)
	}
	return r, nil
}

func end(err error) error {
	if err == io.ErrUnexpectedEOF {
		return io.EOF
	}
	return err
}

func publicKey(key backend.Signer) answer {
	public, err := key.Public()
	if err != nil {
		return failed(err)
	}
	return answer{0, public}
}

// sign gives an error for what must not be answered.
func (s *Service) sign(key backend.Signer, r *request, m *meter) (answer, error) {
	switch {
	case s.MinVersion != 0 && r.version < s.MinVersion, s.MaxVersion != 0 && r.version > s.MaxVersion:
		return answer{}, violation("a signature for a TLS version that is not allowed")
	case !isScheme(r.version, r.scheme):
		return answer{}, violation("a signature scheme that this version of TLS does not have")
	case !wellFormed(r.version, s.Server, r.message):
		return answer{}, violation("a signature of something else than a TLS handshake")
	}
	for wait := m.sign(s.Clock()); wait > 0; wait = m.sign(s.Clock()) {
		s.Sleep(wait)
	}
	signature, err := key.Sign(r.version, r.scheme, r.message)
	if err != nil {
		return answer{}, violation(err.Error())
	}
	return answer{0, signature}, nil
}

// isScheme knows the schemes that a version may have. Whether it fits the
// key, and in TLS 1.3 the curve, is for the backend to know.
func isScheme(version, scheme uint16) bool {
	switch scheme {
	case backend.PKCS1SHA256, backend.PKCS1SHA384, backend.PKCS1SHA512:
		return version == backend.TLS12
	case backend.ECDSASHA256, backend.ECDSASHA384, backend.ECDSASHA512,
		backend.PSSSHA256, backend.PSSSHA384, backend.PSSSHA512, backend.Ed25519:
		return true
	}
	return false
}

// violation is what a sound program does not ask for.
func violation(what string) error {
	return diag.Fail(diag.Setup, "key guard: refused: ", what)
}
