package material

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"ucspitls/backend"
)

// parseCRLs gives the CRLs of a PEM or DER file, as a copy. Other PEM blocks
// are passed over.
func parseCRLs(data []byte) ([][]byte, error) {
	var crls [][]byte
	for b, err := range blocks(data) {
		if err != nil {
			return nil, err
		}
		if b.label != "X509 CRL" && b.label != "" {
			clear(b.der)
			continue
		}
		switch {
		case outlineOf(b.der) != revocations:
			return nil, flaw(string(backend.BadCRL) + b.at())
		case !crlSupported(b.der):
			return nil, flaw(string(backend.CRLUnsupported) + b.at())
		}
		crls = append(crls, bytes.Clone(b.der))
	}
	if crls == nil {
		return nil, nothing(data, "CRL")
	}
	return crls, nil
}

func isRevocations(body cryptobyte.String) bool {
	var extensions cryptobyte.String
	return readRevocations(body, &extensions)
}

// readRevocations walks a CertificateList to its extensions, empty if it has none.
func readRevocations(body cryptobyte.String, extensions *cryptobyte.String) bool {
	var tbs, explicit cryptobyte.String
	return isSigned(body, &tbs) &&
		tbs.SkipOptionalASN1(asn1.INTEGER) && // version
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		skipTime(&tbs) && // thisUpdate
		(skipTime(&tbs) || true) && // nextUpdate
		tbs.SkipOptionalASN1(asn1.SEQUENCE) && // revokedCertificates
		tbs.ReadOptionalASN1(&explicit, nil, tag0) && tbs.Empty() &&
		(explicit.Empty() || explicit.ReadASN1(extensions, asn1.SEQUENCE) && explicit.Empty())
}

func skipTime(in *cryptobyte.String) bool {
	return in.PeekASN1Tag(asn1.UTCTime) && in.SkipASN1(asn1.UTCTime) || in.SkipASN1(asn1.GeneralizedTime)
}

var (
	oidDeltaIndicator = []byte{0x55, 0x1d, 0x1b} // 2.5.29.27: RFC 5280, 5.2.4
	oidIssuingPoint   = []byte{0x55, 0x1d, 0x1c} // 2.5.29.28: RFC 5280, 5.2.5
)

// crlSupported reports whether a CRL is its issuer's whole list. An issuing
// distribution point narrows it, whether it is critical, as it ought to be, or not.
func crlSupported(der []byte) bool {
	in := cryptobyte.String(der)
	var body, extensions cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !readRevocations(body, &extensions) {
		return false
	}
	for !extensions.Empty() {
		var extension, oid cryptobyte.String
		if !extensions.ReadASN1(&extension, asn1.SEQUENCE) ||
			!extension.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
			!extension.SkipOptionalASN1(asn1.BOOLEAN) ||
			!extension.SkipASN1(asn1.OCTET_STRING) {
			return false
		}
		if bytes.Equal(oid, oidDeltaIndicator) || bytes.Equal(oid, oidIssuingPoint) {
			return false
		}
	}
	return true
}
