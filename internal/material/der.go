package material

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// An outline is what a DER element looks like from its uppermost fields.
type outline int

const (
	unknown     outline = iota
	certificate         // RFC 5280, 4.1
	revocations         // CertificateList: RFC 5280, 5.1
	keyPKCS8            // PrivateKeyInfo and OneAsymmetricKey: RFC 5958
	keyPKCS1            // RSAPrivateKey: RFC 8017, A.1.2
	keySEC1             // ECPrivateKey: RFC 5915
	keySealed           // EncryptedPrivateKeyInfo: RFC 5958, 3
)

// Explicit tags of optional fields.
var (
	tag0 = asn1.Tag(0).ContextSpecific().Constructed()
	tag1 = asn1.Tag(1).ContextSpecific().Constructed()
)

func outlineOf(der []byte) outline {
	in := cryptobyte.String(der)
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() {
		return unknown
	}
	switch {
	case isCertificate(body):
		return certificate
	case isRevocations(body):
		return revocations
	case isPKCS8(body):
		return keyPKCS8
	case isPKCS1(body):
		return keyPKCS1
	case isSEC1(body):
		return keySEC1
	case isSealed(body):
		return keySealed
	}
	return unknown
}

// isSigned splits what X.509 calls SIGNED: the content, an algorithm, a signature.
func isSigned(body cryptobyte.String, content *cryptobyte.String) bool {
	return body.ReadASN1(content, asn1.SEQUENCE) &&
		body.SkipASN1(asn1.SEQUENCE) &&
		body.SkipASN1(asn1.BIT_STRING) && body.Empty()
}

func isCertificate(body cryptobyte.String) bool {
	var tbs cryptobyte.String
	return isSigned(body, &tbs) &&
		tbs.SkipOptionalASN1(tag0) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serialNumber
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		tbs.SkipASN1(asn1.SEQUENCE) && // validity
		tbs.SkipASN1(asn1.SEQUENCE) && // subject
		tbs.SkipASN1(asn1.SEQUENCE) // subjectPublicKeyInfo
}

func isPKCS8(body cryptobyte.String) bool {
	return body.SkipASN1(asn1.INTEGER) && isSealed(body)
}

// isSealed: an AlgorithmIdentifier and an OCTET STRING; attributes may follow.
func isSealed(body cryptobyte.String) bool {
	var algorithm cryptobyte.String
	return body.ReadASN1(&algorithm, asn1.SEQUENCE) &&
		algorithm.SkipASN1(asn1.OBJECT_IDENTIFIER) &&
		body.SkipASN1(asn1.OCTET_STRING)
}

// isPKCS1: a version and eight numbers; those of a multi-prime key may follow.
func isPKCS1(body cryptobyte.String) bool {
	for range 9 {
		if !body.SkipASN1(asn1.INTEGER) {
			return false
		}
	}
	return body.SkipOptionalASN1(asn1.SEQUENCE) && body.Empty()
}

func isSEC1(body cryptobyte.String) bool {
	return body.SkipASN1(asn1.INTEGER) && body.SkipASN1(asn1.OCTET_STRING) &&
		body.SkipOptionalASN1(tag0) && body.SkipOptionalASN1(tag1) && body.Empty()
}

// splitDER gives the elements of a file that is one DER SEQUENCE behind the
// other to its last byte; nil for any other file.
func splitDER(data []byte) [][]byte {
	var elements [][]byte
	for in := cryptobyte.String(data); !in.Empty(); {
		var element cryptobyte.String
		if !in.ReadASN1Element(&element, asn1.SEQUENCE) {
			return nil
		}
		elements = append(elements, element)
	}
	return elements
}

// startsLikeDER tells a broken DER file from text: the header of a SEQUENCE
// of 128 bytes or more is no text.
func startsLikeDER(data []byte) bool {
	return len(data) > 1 && data[0] == byte(asn1.SEQUENCE) && data[1] > 0x80 && !bytes.Contains(data, []byte("-----BEGIN"))
}
