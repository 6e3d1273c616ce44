package peer

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var errMalformed = errors.New("malformed subject in certificate")

// Subject is the value of SSL_PEER_CERT_SUBJECT for a DER certificate: every
// attribute in the certificate's order, /C=XX/O=Org/CN=Name. The attributes
// of one RDN are joined by " + ". Bytes that are not printable ASCII are
// \xHH, and \ / + are escaped with a backslash. Types have OpenSSL's short
// names, or are a dotted OID where there is none. An empty subject is "".
//
// Bytes are shown as the certificate has them, whatever the string type, as
// OpenSSL's X509_NAME_oneline does: a BMPString's A is \x00A. So a string in
// one encoding never reads like another one in a different encoding. Unlike
// X509_NAME_oneline, which leaves it ambiguous, the backslash is escaped and
// the joining plus stands between blanks.
func Subject(der []byte) (string, error) {
	name, ok := subjectOf(der)
	if !ok {
		return "", errMalformed
	}
	var out []byte
	for !name.Empty() {
		var rdn cryptobyte.String
		if !name.ReadASN1(&rdn, asn1.SET) || rdn.Empty() {
			return "", errMalformed
		}
		for separator := "/"; !rdn.Empty(); separator = " + " {
			out = append(out, separator...)
			if out, ok = appendAttribute(out, &rdn); !ok {
				return "", errMalformed
			}
		}
	}
	return string(out), nil
}

// subjectOf finds the subject's RDNSequence (RFC 5280, 4.1).
func subjectOf(der []byte) (name cryptobyte.String, ok bool) {
	in := cryptobyte.String(der)
	var cert, tbs cryptobyte.String
	ok = in.ReadASN1(&cert, asn1.SEQUENCE) && in.Empty() &&
		cert.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serialNumber
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		tbs.SkipASN1(asn1.SEQUENCE) && // validity
		tbs.ReadASN1(&name, asn1.SEQUENCE)
	return name, ok
}

// appendAttribute moves one AttributeTypeAndValue from rdn to out.
func appendAttribute(out []byte, rdn *cryptobyte.String) ([]byte, bool) {
	var attribute, oid, value cryptobyte.String
	var tag asn1.Tag
	if !rdn.ReadASN1(&attribute, asn1.SEQUENCE) ||
		!attribute.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		!attribute.ReadAnyASN1(&value, &tag) || !attribute.Empty() {
		return out, false
	}
	dotted, ok := dotted(oid)
	if !ok {
		return out, false
	}
	out = append(out, shortName(dotted)...)
	out = append(out, '=')
	return appendEscaped(out, value), true
}

func appendEscaped(out, value []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range value {
		switch {
		case c < ' ' || c > '~':
			out = append(out, '\\', 'x', hex[c>>4], hex[c&15])
		case c == '\\' || c == '/' || c == '+':
			out = append(out, '\\', c)
		default:
			out = append(out, c)
		}
	}
	return out
}
