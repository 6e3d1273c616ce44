package peer

import (
	"math/big"
	"strconv"
)

// maxOID bounds the work on one attribute's type; no OID in use is near it.
const maxOID = 64

// dotted writes the content of an OBJECT IDENTIFIER with dots (X.690, 8.19).
// Arcs can be large: one under 2.25 has 128 bits.
func dotted(oid []byte) (string, bool) {
	if len(oid) == 0 || len(oid) > maxOID || oid[len(oid)-1]&0x80 != 0 {
		return "", false
	}
	var out []byte
	arc, inside := new(big.Int), false
	for _, c := range oid {
		if !inside && c == 0x80 {
			return "", false // a leading zero: not the shortest form
		}
		arc.Lsh(arc, 7).Or(arc, big.NewInt(int64(c&0x7f)))
		if inside = c&0x80 != 0; inside {
			continue
		}
		if out == nil { // the first number holds two arcs, 40 * first + second
			first := int64(2)
			if arc.Cmp(big.NewInt(80)) < 0 {
				first = arc.Int64() / 40
			}
			out = strconv.AppendInt(out, first, 10)
			arc.Sub(arc, big.NewInt(first*40))
		}
		out = arc.Append(append(out, '.'), 10)
		arc.SetInt64(0)
	}
	return string(out), true
}

// shortName is OpenSSL's short name for an attribute type, or the type itself.
func shortName(dotted string) string {
	for i := range attributeTypes {
		if attributeTypes[i].oid == dotted {
			return attributeTypes[i].name
		}
	}
	return dotted
}

// attributeTypes holds what occurs in subjects: X.520 and RFC 4519, RFC 4524,
// PKCS #9 and the extended validation guidelines.
var attributeTypes = [...]struct{ oid, name string }{
	{"2.5.4.3", "CN"},
	{"2.5.4.4", "SN"},
	{"2.5.4.5", "serialNumber"},
	{"2.5.4.6", "C"},
	{"2.5.4.7", "L"},
	{"2.5.4.8", "ST"},
	{"2.5.4.9", "street"},
	{"2.5.4.10", "O"},
	{"2.5.4.11", "OU"},
	{"2.5.4.12", "title"},
	{"2.5.4.13", "description"},
	{"2.5.4.15", "businessCategory"},
	{"2.5.4.16", "postalAddress"},
	{"2.5.4.17", "postalCode"},
	{"2.5.4.18", "postOfficeBox"},
	{"2.5.4.19", "physicalDeliveryOfficeName"},
	{"2.5.4.20", "telephoneNumber"},
	{"2.5.4.23", "facsimileTelephoneNumber"},
	{"2.5.4.31", "member"},
	{"2.5.4.32", "owner"},
	{"2.5.4.33", "roleOccupant"},
	{"2.5.4.34", "seeAlso"},
	{"2.5.4.41", "name"},
	{"2.5.4.42", "GN"},
	{"2.5.4.43", "initials"},
	{"2.5.4.44", "generationQualifier"},
	{"2.5.4.45", "x500UniqueIdentifier"},
	{"2.5.4.46", "dnQualifier"},
	{"2.5.4.49", "distinguishedName"},
	{"2.5.4.50", "uniqueMember"},
	{"2.5.4.51", "houseIdentifier"},
	{"2.5.4.54", "dmdName"},
	{"2.5.4.65", "pseudonym"},
	{"2.5.4.72", "role"},
	{"2.5.4.97", "organizationIdentifier"},
	{"2.5.4.98", "c3"},
	{"2.5.4.99", "n3"},
	{"0.9.2342.19200300.100.1.1", "UID"},
	{"0.9.2342.19200300.100.1.3", "mail"},
	{"0.9.2342.19200300.100.1.9", "host"},
	{"0.9.2342.19200300.100.1.25", "DC"},
	{"0.9.2342.19200300.100.1.37", "associatedDomain"},
	{"0.9.2342.19200300.100.1.43", "friendlyCountryName"},
	{"0.9.2342.19200300.100.1.44", "uid"},
	{"1.2.840.113549.1.9.1", "emailAddress"},
	{"1.2.840.113549.1.9.2", "unstructuredName"},
	{"1.2.840.113549.1.9.8", "unstructuredAddress"},
	{"1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"},
	{"1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"},
	{"1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"},
}
