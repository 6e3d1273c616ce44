package material

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"

	"ucspitls/backend"
)

var (
	deltaOID = asn1.ObjectIdentifier{2, 5, 29, 27}
	pointOID = asn1.ObjectIdentifier{2, 5, 29, 28}
)

func point(fields ...byte) pkix.Extension {
	return pkix.Extension{Id: pointOID, Critical: true, Value: append([]byte{0x30, byte(len(fields))}, fields...)}
}

func TestCRLs(t *testing.T) {
	plain := makeCRL()
	pemPlain := armour("X509 CRL", plain)
	second := makeCRL(pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 99}, Value: []byte{5, 0}})
	f := newFolder(t)
	ca := "CAFILE=" + f.put("ca", makeCert("a"))
	cases := []struct {
		name    string
		content []byte
		want    [][]byte
		line    string
	}{
		{"PEM", pemPlain, [][]byte{plain}, ""},
		{"DER", plain, [][]byte{plain}, ""},
		{"several", join(pemPlain, []byte("text\n"), crlf(armour("X509 CRL", second))), [][]byte{plain, second}, ""},
		{"several DER", join(plain, second), [][]byte{plain, second}, ""},
		{"among certificates", join(armour("CERTIFICATE", makeCert("a")), pemPlain), [][]byte{plain}, ""},
		{"empty", nil, nil, "the file is empty"},
		{"text", []byte("text"), nil, "no CRL in it"},
		{"certificate", armour("CERTIFICATE", makeCert("a")), nil, "no CRL in it"},
		{"DER certificate", makeCert("a"), nil, "not a usable CRL"},
		{"certificate inside", armour("X509 CRL", makeCert("a")), nil, "not a usable CRL (PEM block at line 1)"},
		{"cut off", pemPlain[:60], nil, "the PEM block at line 1 is cut off"},
		{"DER cut off", plain[:60], nil, "malformed or cut off DER, no CRL in it"},
		{"delta", makeCRL(pkix.Extension{Id: deltaOID, Critical: true, Value: []byte{2, 1, 1}}), nil, string(backend.CRLUnsupported)},
		{"delta in PEM", join(armour("X509 CRL", makeCRL(pkix.Extension{Id: deltaOID, Value: []byte{2, 1, 1}})), pemPlain), nil, string(backend.CRLUnsupported) + " (PEM block at line 1)"},
		{"of a distribution point", makeCRL(point(0xa0, 2, 0xa0, 0)), nil, string(backend.CRLUnsupported)},
		{"of users", makeCRL(point(0x81, 1, 0xff)), nil, string(backend.CRLUnsupported)},
		{"of authorities", makeCRL(point(0x82, 1, 0xff)), nil, string(backend.CRLUnsupported)},
		{"of authorities, not critical", makeCRL(pkix.Extension{Id: pointOID, Value: []byte{0x30, 3, 0x82, 1, 0xff}}), nil, string(backend.CRLUnsupported)},
		{"indirect", makeCRL(point(0x84, 1, 0xff)), nil, string(backend.CRLUnsupported)},
		{"attribute certificates", makeCRL(point(0x85, 1, 0xff)), nil, string(backend.CRLUnsupported)},
		{"some reasons", makeCRL(point(0x83, 2, 6, 0x40)), nil, string(backend.CRLUnsupported)},
		{"bad point", makeCRL(pkix.Extension{Id: pointOID, Value: []byte{5, 0}}), nil, string(backend.CRLUnsupported)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := newFolder(t).put("crl", c.content)
			opened, err := Open(Options{Environ: []string{ca, "TLS_CRLFILE=" + path}, ServerName: "x.example"})
			if c.line != "" {
				wantExit(t, err, 96, "TLS_CRLFILE: "+path+": "+c.line)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			client := opened.(*client)
			if !slices.EqualFunc(client.Config.CRLs, c.want, bytes.Equal) {
				t.Errorf("%d CRLs, want %d, or they differ", len(client.Config.CRLs), len(c.want))
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		_, err := Open(Options{Environ: []string{ca, "TLS_CRLFILE=" + f.path("x")}, ServerName: "x.example"})
		wantExit(t, err, 96, "TLS_CRLFILE: open "+f.path("x")+": no such file or directory")
	})
	t.Run("not looked at where nothing is verified", func(t *testing.T) {
		openClient(t, "x.example", false, true, "TLS_CRLFILE="+f.path("x"))
	})
}
