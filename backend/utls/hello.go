package utls

import (
	"slices"

	utls "github.com/refraction-networking/utls"

	"ucspitls/backend"
	"ucspitls/backend/cryptotls"
)

// spec makes a ClientHello and changes what must not be as the preset has it:
// the versions that are taken, the ALPN, renegotiation, weak signatures.
func (e *client) spec() (*utls.ClientHelloSpec, backend.Reason) {
	s, err := e.hello()
	if err != nil {
		return nil, backend.UnknownFingerprint
	}
	// A ClientHello that offers a version can't keep the server from choosing
	// it: above our range that would end every handshake. Below, the lowest
	// version is what uTLS compares the server's choice with.
	highest := highestVersion(&s)
	if highest < e.MinVersion || highest > e.MaxVersion {
		return nil, backend.FingerprintVersions
	}
	s.TLSVersMin, s.TLSVersMax = e.MinVersion, highest

	hasALPN := false
	extensions := s.Extensions[:0]
	for _, x := range s.Extensions {
		switch x := x.(type) {
		case *utls.ALPNExtension:
			hasALPN = true
			if len(e.ALPN) == 0 {
				continue
			}
			x.AlpnProtocols = slices.Clone(e.ALPN)
		case *utls.RenegotiationInfoExtension:
			x.Renegotiation = utls.RenegotiateNever // it is sent all the same
		}
		if x, ok := x.(*utls.SignatureAlgorithmsExtension); ok {
			extensions = append(extensions, strict(x))
			continue
		}
		extensions = append(extensions, x)
	}
	s.Extensions = extensions
	if len(e.ALPN) > 0 && !hasALPN {
		return nil, backend.FingerprintALPN
	}
	return &s, ""
}

func highestVersion(s *utls.ClientHelloSpec) uint16 {
	if s.TLSVersMax != 0 {
		return s.TLSVersMax
	}
	for _, x := range s.Extensions {
		if x, ok := x.(*utls.SupportedVersionsExtension); ok && slices.Contains(x.Versions, backend.TLS13) {
			return backend.TLS13
		}
	}
	return backend.TLS12
}

// signatures are those of crypto/tls.
var signatures = []utls.SignatureScheme{
	utls.PSSWithSHA256, utls.ECDSAWithP256AndSHA256, utls.Ed25519,
	utls.PSSWithSHA384, utls.PSSWithSHA512,
	utls.PKCS1WithSHA256, utls.PKCS1WithSHA384, utls.PKCS1WithSHA512,
	utls.ECDSAWithP384AndSHA384, utls.ECDSAWithP521AndSHA512,
}

func goodSignatures(offered []utls.SignatureScheme) []utls.SignatureScheme {
	return slices.DeleteFunc(slices.Clone(offered), func(s utls.SignatureScheme) bool { return !slices.Contains(signatures, s) })
}

// goodSuite: every suite of TLS 1.3 is, and those are numbered 0x13xx.
func goodSuite(id uint16) bool { return id>>8 == 0x13 || slices.Contains(cryptotls.Suites12, id) }

// strictSignatures offers what the preset offers and takes what we take: uTLS
// writes Len and Read to the network and keeps the embedded list for itself.
type strictSignatures struct {
	*utls.SignatureAlgorithmsExtension // what is taken
	offered                            *utls.SignatureAlgorithmsExtension
}

func strict(x *utls.SignatureAlgorithmsExtension) utls.TLSExtension {
	return &strictSignatures{&utls.SignatureAlgorithmsExtension{SupportedSignatureAlgorithms: goodSignatures(x.SupportedSignatureAlgorithms)}, x}
}

func (s *strictSignatures) Len() int                   { return s.offered.Len() }
func (s *strictSignatures) Read(p []byte) (int, error) { return s.offered.Read(p) }
