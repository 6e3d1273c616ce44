package peer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"ucspitls/test/need"
)

// An attr is one attribute of a subject; the zero tag is UTF8String.
type attr struct {
	oid, value string
	tag        cbasn1.Tag
}

const (
	cn, c, o, ou, uid, dc = "2.5.4.3", "2.5.4.6", "2.5.4.10", "2.5.4.11", "0.9.2342.19200300.100.1.1", "0.9.2342.19200300.100.1.25"

	utf8String      = cbasn1.UTF8String
	teletexString   = cbasn1.Tag(20)
	universalString = cbasn1.Tag(28)
	bmpString       = cbasn1.Tag(30)
)

// rawName is a Name in DER. The attributes of an RDN are in the order given,
// which DER would have sorted.
func rawName(rdns ...[]attr) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, rdn := range rdns {
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				for _, a := range rdn {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(rawOID(a.oid)) })
						if a.tag == 0 {
							a.tag = utf8String
						}
						b.AddASN1(a.tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.value)) })
					})
				}
			})
		}
	})
	return b.BytesOrPanic()
}

// rawOID encodes arcs of any size.
func rawOID(dotted string) []byte {
	var out []byte
	var first *big.Int
	for i, word := range strings.Split(dotted, ".") {
		arc, ok := new(big.Int).SetString(word, 10)
		switch {
		case !ok:
			panic("bad OID " + dotted)
		case i == 0:
			first = arc.Mul(arc, big.NewInt(40))
			continue
		case i == 1:
			arc.Add(arc, first)
		}
		digits := []byte{byte(new(big.Int).And(arc, big.NewInt(127)).Int64())}
		for arc.Rsh(arc, 7); arc.Sign() > 0; arc.Rsh(arc, 7) {
			digits = append([]byte{0x80 | byte(new(big.Int).And(arc, big.NewInt(127)).Int64())}, digits...)
		}
		out = append(out, digits...)
	}
	return out
}

var key = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

// certificateFor is a real certificate with this subject.
func certificateFor(t testing.TB, name []byte) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), RawSubject: name,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	parent := *template
	parent.RawSubject = rawName([]attr{{oid: cn, value: "the issuer"}})
	der, err := x509.CreateCertificate(rand.Reader, template, &parent, &key().PublicKey, key())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func one(attrs ...attr) [][]attr {
	var rdns [][]attr
	for _, a := range attrs {
		rdns = append(rdns, []attr{a})
	}
	return rdns
}

// openssl is "" where X509_NAME_oneline prints the same.
var subjects = []struct {
	name          string
	rdns          [][]attr
	want, openssl string
}{
	{"empty", nil, "", ""},
	{"ordinary", one(attr{c, "XX", cbasn1.PrintableString}, attr{o, "Org", 0}, attr{cn, "Alice Client", 0}), "/C=XX/O=Org/CN=Alice Client", ""},
	{"order and repetition", one(attr{dc, "com", cbasn1.IA5String}, attr{dc, "example", cbasn1.IA5String}, attr{uid, "u1", 0}, attr{cn, "first", 0}, attr{cn, "second", 0}), "/DC=com/DC=example/UID=u1/CN=first/CN=second", ""},
	{"UTF-8", one(attr{cn, "Ünïcödé", 0}), `/CN=\xC3\x9Cn\xC3\xAFc\xC3\xB6d\xC3\xA9`, ""},
	{"newline", one(attr{ou, "line1\nline2", 0}, attr{cn, "a\r\tb\x7f", 0}), `/OU=line1\x0Aline2/CN=a\x0D\x09b\x7F`, ""},
	{"NUL", one(attr{cn, "admin\x00.example", 0}), `/CN=admin\x00.example`, ""},
	{"injection", one(attr{o, "x/CN=admin", 0}, attr{cn, "bob", 0}), `/O=x\/CN=admin/CN=bob`, ""},
	{"plus", one(attr{cn, "a + UID=root", 0}), `/CN=a \+ UID=root`, ""},
	{"injection by backslash", one(attr{o, `x\/CN=admin`, 0}, attr{cn, `bob\`, 0}), `/O=x\\\/CN=admin/CN=bob\\`, `/O=x\\/CN=admin/CN=bob\`},
	{"written escape", one(attr{cn, `a\x0Ab`, 0}), `/CN=a\\x0Ab`, `/CN=a\x0Ab`},
	{"several in one RDN", [][]attr{{{cn, "a", 0}, {uid, "b", 0}}, {{o, "c", 0}}}, "/CN=a + UID=b/O=c", "/CN=a+UID=b/O=c"},
	{"blanks and signs", one(attr{cn, "  lead  two  trail ", 0}, attr{o, `A, B=C;<x>"#`, 0}), `/CN=  lead  two  trail /O=A, B=C;<x>"#`, ""},
	{"empty value", one(attr{cn, "", 0}, attr{o, "x", 0}), "/CN=/O=x", ""},
	{"BMPString", one(attr{cn, "\x00A\x00/\x01\x00", bmpString}), `/CN=\x00A\x00\/\x01\x00`, ""},
	{"UniversalString", one(attr{cn, "\x00\x00\x00A", universalString}), `/CN=\x00\x00\x00A`, ""},
	{"T61String", one(attr{cn, "caf\xe9", teletexString}), `/CN=caf\xE9`, ""},
	{"unknown types", one(attr{"1.2.3.4", "x", 0}, attr{"2.999.5", "y", 0}, attr{"0.39.1", "z", 0}), "/1.2.3.4=x/2.999.5=y/0.39.1=z", ""},
	{"large arcs", one(attr{"2.25.329800735698586629295641978511506172918", "x", 0}), "/2.25.329800735698586629295641978511506172918=x", ""},
	{"long", one(attr{cn, strings.Repeat("ü/", 5000), 0}), "/CN=" + strings.Repeat(`\xC3\xBC\/`, 5000), "-"},
}

func TestSubject(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			got, err := Subject(certificateFor(t, rawName(s.rdns...)))
			if err != nil || got != s.want {
				t.Errorf("got  %q, %v\nwant %q", got, err, s.want)
			}
		})
	}
}

// opensslSubject is what OpenSSL's X509_NAME_oneline makes of a certificate.
func opensslSubject(t *testing.T, der []byte) string {
	t.Helper()
	path := need.Program(t, "openssl", "openssl")
	cmd := exec.Command(path, "x509", "-noout", "-subject", "-nameopt", "compat")
	cmd.Stdin = bytes.NewReader(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v: %s", err, out)
	}
	subject, ok := strings.CutPrefix(strings.TrimSuffix(string(out), "\n"), "subject=")
	if !ok {
		t.Fatalf("openssl printed %q", out)
	}
	return subject
}

func TestSubjectAgainstOpenSSL(t *testing.T) {
	for _, s := range subjects {
		if s.openssl == "-" { // it cuts such a name off
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			want := s.openssl
			if want == "" {
				want = s.want
			}
			if got := opensslSubject(t, certificateFor(t, rawName(s.rdns...))); got != want {
				t.Errorf("openssl prints %q, the table says %q", got, want)
			}
		})
	}
}

// All names of the table at once, in one certificate.
func TestShortNamesAgainstOpenSSL(t *testing.T) {
	var rdns [][]attr
	for i, a := range attributeTypes {
		rdns = append(rdns, []attr{{oid: a.oid, value: strconv.Itoa(i)}})
	}
	der := certificateFor(t, rawName(rdns...))
	got, err := Subject(der)
	if want := opensslSubject(t, der); err != nil || got != want {
		t.Errorf("got     %s, %v\nopenssl %s", got, err, want)
	}
}

func TestShortNamesAreUnique(t *testing.T) {
	oids, names := make(map[string]bool), make(map[string]bool)
	for _, a := range attributeTypes {
		if oids[a.oid] || names[a.name] {
			t.Errorf("%s %s is there twice", a.oid, a.name)
		}
		oids[a.oid], names[a.name] = true, true
	}
}

// wrap is the least that Subject walks: a certificate around a subject.
func wrap(name []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			for range 3 {
				b.AddASN1(cbasn1.SEQUENCE, func(*cryptobyte.Builder) {})
			}
			b.AddBytes(name)
		})
	})
	return b.BytesOrPanic()
}

func TestSubjectMalformed(t *testing.T) {
	good := certificateFor(t, rawName(one(attr{cn, "a", 0})...))
	cases := map[string][]byte{
		"nothing":            nil,
		"text":               []byte("hello"),
		"cut":                good[:len(good)-1],
		"rubbish behind":     append(bytes.Clone(good), 0),
		"no name":            wrap(nil),
		"empty RDN":          wrap([]byte{0x30, 2, 0x31, 0}),
		"no SET":             wrap([]byte{0x30, 2, 0x30, 0}),
		"empty attribute":    wrap([]byte{0x30, 4, 0x31, 2, 0x30, 0}),
		"no value":           wrap([]byte{0x30, 9, 0x31, 7, 0x30, 5, 6, 3, 0x55, 4, 3}),
		"two values":         wrap([]byte{0x30, 15, 0x31, 13, 0x30, 11, 6, 3, 0x55, 4, 3, 12, 1, 'a', 12, 1, 'b'}),
		"empty OID":          wrap([]byte{0x30, 9, 0x31, 7, 0x30, 5, 6, 0, 12, 1, 'a'}),
		"OID without an end": wrap([]byte{0x30, 10, 0x31, 8, 0x30, 6, 6, 1, 0x85, 12, 1, 'a'}),
		"OID with a zero":    wrap([]byte{0x30, 11, 0x31, 9, 0x30, 7, 6, 2, 0x80, 1, 12, 1, 'a'}),
	}
	for name, der := range cases {
		if s, err := Subject(der); err == nil {
			t.Errorf("%s: got %q", name, s)
		}
	}
	if s, err := Subject(wrap([]byte{0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 12, 1, 'a'})); s != "/CN=a" || err != nil {
		t.Errorf("the well-formed one: %q, %v", s, err)
	}
}

// Version 1 has no version field.
func TestSubjectVersion1(t *testing.T) {
	if s, err := Subject(wrap(rawName(one(attr{o, "old", 0})...))); s != "/O=old" || err != nil {
		t.Errorf("got %q, %v", s, err)
	}
}

func TestHash(t *testing.T) {
	// FIPS 180-4's example
	if got, want := Hash([]byte("abc")), "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
