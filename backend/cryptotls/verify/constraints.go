package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"ucspitls/backend/hostname"
)

// Name constraints (RFC 5280, 4.2.1.10), as far as crypto/x509 leaves them alone:
// it looks at the alternative names, but not at the subject. A subject is what
// prog is told, so a limited authority must not put anything into one.

// The forms of a GeneralName that a subject can have.
var (
	formMail      = asn1.Tag(1).ContextSpecific()
	formHost      = asn1.Tag(2).ContextSpecific()
	formDirectory = asn1.Tag(4).ContextSpecific().Constructed()
)

// A limit is a subtree of one form: the content of its GeneralName.
type limit struct {
	form asn1.Tag
	base cryptobyte.String
}

// A name is what a certificate claims in one form.
type name = limit

// withinConstraints reports whether every certificate of a chain, leaf first, has
// only such names as the authorities above allow. Nothing that can't be read does.
func withinConstraints(chain []*x509.Certificate) bool {
	for i, ca := range chain {
		permitted, excluded, ok := limitsOf(ca)
		if !ok {
			return false
		}
		if permitted == nil && excluded == nil {
			continue
		}
		for j, c := range chain[:i] {
			if j > 0 && bytes.Equal(c.RawSubject, c.RawIssuer) {
				continue // self-issued: it stands for its authority
			}
			names, ok := namesOf(c, j == 0)
			if !ok {
				return false
			}
			for _, n := range names {
				if !allowed(n, permitted, excluded) {
					return false
				}
			}
		}
	}
	return true
}

func allowed(n name, permitted, excluded []limit) bool {
	limited, within := false, false
	for _, l := range permitted {
		if l.form == n.form {
			limited = true
			within = within || l.covers(n)
		}
	}
	for _, l := range excluded {
		if l.form == n.form && l.covers(n) {
			return false
		}
	}
	return within || !limited
}

func (l limit) covers(n name) bool {
	switch l.form {
	case formMail:
		return coversMail(string(l.base), string(n.base))
	case formHost:
		return coversHost(string(l.base), string(n.base))
	}
	return coversDirectory(l.base, n.base)
}

// coversMail: a mailbox, a host, or with a dot in front all hosts of a domain.
func coversMail(limit, mail string) bool {
	local, host, ok := cutMail(mail)
	if !ok {
		return false
	}
	if l, h, ok := cutMail(limit); ok {
		return l == local && strings.EqualFold(h, host)
	}
	if strings.HasPrefix(limit, ".") {
		return len(host) > len(limit) && strings.EqualFold(host[len(host)-len(limit):], limit)
	}
	return strings.EqualFold(limit, host)
}

func cutMail(mail string) (local, host string, ok bool) {
	at := strings.LastIndexByte(mail, '@')
	if at < 0 {
		return "", "", false
	}
	return mail[:at], mail[at+1:], true
}

// coversHost: the name itself and everything below it.
func coversHost(limit, host string) bool {
	limit = strings.TrimPrefix(limit, ".")
	if limit == "" {
		return true
	}
	if len(host) > len(limit) {
		dot := len(host) - len(limit) - 1
		return host[dot] == '.' && strings.EqualFold(host[dot+1:], limit)
	}
	return strings.EqualFold(host, limit)
}

// coversDirectory: the limit is where the name begins. Both are RDNSequences, with
// the explicit tag of a directoryName around them taken off.
func coversDirectory(limit, whole cryptobyte.String) bool {
	for !limit.Empty() {
		var a, b cryptobyte.String
		if !limit.ReadASN1(&a, asn1.SET) || !whole.ReadASN1(&b, asn1.SET) || !sameRDN(a, b) {
			return false
		}
	}
	return true
}

// sameRDN compares as RFC 5280, 7.1 wants: the strings without regard to their
// type, case and runs of spaces; in DER the attributes of a set are in order, which
// depends on those, so any order will do.
func sameRDN(a, b cryptobyte.String) bool {
	x, ok1 := attributes(a)
	y, ok2 := attributes(b)
	if !ok1 || !ok2 || len(x) != len(y) {
		return false
	}
	for item := range x {
		if !y[item] {
			return false
		}
	}
	return true
}

func attributes(rdn cryptobyte.String) (map[string]bool, bool) {
	set := map[string]bool{}
	for !rdn.Empty() {
		oid, value, tag, ok := readAttribute(&rdn)
		if !ok {
			return nil, false
		}
		set[string(oid)+"="+folded(tag, value)] = true
	}
	return set, true
}

func readAttribute(rdn *cryptobyte.String) (oid, value cryptobyte.String, tag asn1.Tag, ok bool) {
	var attribute cryptobyte.String
	ok = rdn.ReadASN1(&attribute, asn1.SEQUENCE) && attribute.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) &&
		attribute.ReadAnyASN1(&value, &tag) && attribute.Empty()
	return oid, value, tag, ok
}

// folded is a value in the form in which it is compared. What is no string is
// compared as it is.
func folded(tag asn1.Tag, value []byte) string {
	if s, ok := text(tag, value); ok {
		return "string:" + strings.ToLower(strings.Join(strings.Fields(s), " "))
	}
	return string(rune(tag)) + ":" + string(value)
}

// The string types that cryptobyte has no name for.
const (
	universalString = asn1.Tag(28) // four bytes a character
	bmpString       = asn1.Tag(30) // two
)

// text is a string of any type, or not one.
func text(tag asn1.Tag, value []byte) (string, bool) {
	switch tag {
	case asn1.PrintableString, asn1.UTF8String, asn1.IA5String:
		return string(value), true
	case asn1.T61String: // taken for Latin-1, as everybody does
		var b strings.Builder
		for _, c := range value {
			b.WriteRune(rune(c))
		}
		return b.String(), true
	case bmpString:
		if len(value)%2 != 0 {
			return "", false
		}
		var units []uint16
		for ; len(value) > 0; value = value[2:] {
			units = append(units, binary.BigEndian.Uint16(value))
		}
		return string(utf16.Decode(units)), true
	case universalString:
		if len(value)%4 != 0 {
			return "", false
		}
		var b strings.Builder
		for ; len(value) > 0; value = value[4:] {
			b.WriteRune(rune(binary.BigEndian.Uint32(value)))
		}
		return b.String(), true
	}
	return "", false
}

// isHost: a name of one label is more likely a person's.
func isHost(cn string) bool { return strings.Contains(cn, ".") && hostname.Valid(cn) }

// limitsOf reads the constraints of an authority, in the forms that a subject has.
func limitsOf(ca *x509.Certificate) (permitted, excluded []limit, ok bool) {
	for _, x := range ca.Extensions {
		if !x.Id.Equal(nameConstraints) {
			continue
		}
		in := cryptobyte.String(x.Value)
		var body, trees cryptobyte.String
		var has bool
		if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() ||
			!body.ReadOptionalASN1(&trees, &has, asn1.Tag(0).ContextSpecific().Constructed()) || !readTrees(trees, &permitted) ||
			!body.ReadOptionalASN1(&trees, &has, asn1.Tag(1).ContextSpecific().Constructed()) || has && !readTrees(trees, &excluded) ||
			!body.Empty() {
			return nil, nil, false
		}
	}
	return permitted, excluded, true
}

func readTrees(trees cryptobyte.String, list *[]limit) bool {
	for !trees.Empty() {
		var tree, base cryptobyte.String
		var form asn1.Tag
		if !trees.ReadASN1(&tree, asn1.SEQUENCE) || !tree.ReadAnyASN1(&base, &form) || !tree.Empty() { // no minimum, no maximum
			return false
		}
		if form == formDirectory && !base.ReadASN1(&base, asn1.SEQUENCE) {
			return false
		}
		if form == formMail || form == formHost || form == formDirectory {
			*list = append(*list, limit{form, base})
		}
	}
	return true
}

// namesOf gives the names that crypto/x509 does not look at: the subject, its mail
// addresses, the directory names among the alternative ones, and a leaf's common
// names that are host names, if it has no others.
func namesOf(c *x509.Certificate, leaf bool) (names []name, ok bool) {
	in := cryptobyte.String(c.RawSubject)
	var subject cryptobyte.String
	if !in.ReadASN1(&subject, asn1.SEQUENCE) {
		return nil, false
	}
	if !subject.Empty() {
		names = append(names, name{formDirectory, subject})
	}
	for rdns := subject; !rdns.Empty(); {
		var rdn cryptobyte.String
		if !rdns.ReadASN1(&rdn, asn1.SET) {
			return nil, false
		}
		for !rdn.Empty() {
			oid, value, tag, ok := readAttribute(&rdn)
			if !ok {
				return nil, false
			}
			form := formMail
			switch {
			case bytes.Equal(oid, oidMail):
			case leaf && bytes.Equal(oid, oidCommonName) && len(c.DNSNames) == 0:
				form = formHost
			default:
				continue
			}
			s, ok := text(tag, value)
			if !ok {
				return nil, false
			}
			if form == formMail || isHost(s) {
				names = append(names, name{form, cryptobyte.String(s)})
			}
		}
	}
	for _, x := range c.Extensions {
		if !x.Id.Equal(subjectAltName) {
			continue
		}
		in := cryptobyte.String(x.Value)
		var list cryptobyte.String
		if !in.ReadASN1(&list, asn1.SEQUENCE) {
			return nil, false
		}
		for !list.Empty() {
			var value cryptobyte.String
			var form asn1.Tag
			if !list.ReadAnyASN1(&value, &form) {
				return nil, false
			}
			if form == formDirectory {
				if !value.ReadASN1(&value, asn1.SEQUENCE) {
					return nil, false
				}
				names = append(names, name{form, value})
			}
		}
	}
	return names, true
}
