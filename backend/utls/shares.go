package utls

import (
	"crypto/ecdh"
	"crypto/rand"
	"net"

	utls "github.com/refraction-networking/utls"
	"golang.org/x/crypto/cryptobyte"
)

// shares makes a ClientHello with two key shares of curves, as Firefox sends
// it, work with a server that chooses the second: uTLS keeps the private key
// of the first alone, so the other has to be put in its place, and that is
// before uTLS has read the ServerHello to its end. It stands between uTLS and
// the network to see it in time.
type shares struct {
	net.Conn
	keys map[utls.CurveID]*ecdh.PrivateKey // of all shares but the first
	use  func(*ecdh.PrivateKey)
	seen []byte // of the first record
}

var curves = map[utls.CurveID]ecdh.Curve{utls.X25519: ecdh.X25519(), utls.CurveP256: ecdh.P256(), utls.CurveP384: ecdh.P384(), utls.CurveP521: ecdh.P521()}

// fill makes the keys that uTLS would throw away.
func (s *shares) fill(spec *utls.ClientHelloSpec) error {
	first := true
	for _, x := range spec.Extensions {
		x, ok := x.(*utls.KeyShareExtension)
		if !ok {
			continue
		}
		for i := range x.KeyShares {
			share := &x.KeyShares[i]
			curve := curves[share.Group]
			switch {
			case curve == nil: // GREASE, or a hybrid: uTLS knows what to do
				continue
			case first:
				first = false
				continue
			}
			key, err := curve.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			share.Data = key.PublicKey().Bytes()
			if s.keys == nil {
				s.keys = map[utls.CurveID]*ecdh.PrivateKey{}
			}
			s.keys[share.Group] = key
		}
	}
	return nil
}

func (s *shares) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.keys != nil && n > 0 {
		s.seen = append(s.seen, p[:n]...)
		if group, enough := chosenGroup(s.seen); enough {
			if key := s.keys[utls.CurveID(group)]; key != nil {
				s.use(key)
			}
			s.keys, s.seen = nil, nil
		}
	}
	return n, err
}

// chosenGroup is the group of the key_share in a ServerHello that fills the
// first record (RFC 8446, 4.1.3 and 4.2.8), zero if there is none. A
// HelloRetryRequest never names one that was offered a share for.
func chosenGroup(seen []byte) (group uint16, enough bool) {
	in := cryptobyte.String(seen)
	var kind, message uint8
	var version uint16
	var record, hello, ignored, extensions cryptobyte.String
	if !in.ReadUint8(&kind) || !in.ReadUint16(&version) {
		return 0, false
	}
	if !in.ReadUint16LengthPrefixed(&record) {
		return 0, kind != 22
	}
	ok := kind == 22 && record.ReadUint8(&message) && message == 2 &&
		record.ReadUint24LengthPrefixed(&hello) &&
		hello.Skip(2+32) && // version, random
		hello.ReadUint8LengthPrefixed(&ignored) && // session
		hello.Skip(2+1) && // suite, compression
		hello.ReadUint16LengthPrefixed(&extensions)
	for ok && !extensions.Empty() {
		var id uint16
		var body cryptobyte.String
		ok = extensions.ReadUint16(&id) && extensions.ReadUint16LengthPrefixed(&body)
		if ok && id == 51 && body.ReadUint16(&group) {
			return group, true
		}
	}
	return 0, true
}
