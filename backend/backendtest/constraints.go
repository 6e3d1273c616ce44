package backendtest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"testing"
	"unicode/utf16"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// A GeneralSubtree's name, RFC 5280, 4.2.1.6 and 4.2.1.10.
func mailTree(s string) asn1.RawValue { return asn1.RawValue{Class: 2, Tag: 1, Bytes: []byte(s)} }
func hostTree(s string) asn1.RawValue { return asn1.RawValue{Class: 2, Tag: 2, Bytes: []byte(s)} }
func directoryTree(n pkix.Name) asn1.RawValue {
	return asn1.RawValue{Class: 2, Tag: 4, IsCompound: true, Bytes: marshal(n.ToRDNSequence())}
}

func marshal(v any) []byte {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return der
}

func bmp(s string) asn1.RawValue {
	v := asn1.RawValue{Tag: asn1.TagBMPString}
	for _, u := range utf16.Encode([]rune(s)) {
		v.Bytes = append(v.Bytes, byte(u>>8), byte(u))
	}
	return v
}

type subtree struct{ Base asn1.RawValue }

// limits is the extension nameConstraints.
func limits(critical bool, permitted, excluded []subtree) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: critical, Value: marshal(struct {
		Permitted []subtree `asn1:"optional,tag:0,omitempty"`
		Excluded  []subtree `asn1:"optional,tag:1,omitempty"`
	}{permitted, excluded})}
}

// constraints: a limited authority can't put a name into a subject that it could
// not put among the alternative names (RFC 5280, 4.2.1.10).
func (s suite) constraints(t *testing.T) {
	mail := func(address string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1},
				Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(address)}}}
		}
	}
	of := func(o string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject = pkix.Name{Organization: []string{o}, CommonName: "joe"} }
	}
	none := func(*x509.Certificate) {}
	wide := func(o, cn string) func(*x509.Certificate) { // as BMPStrings, two bytes a character
		return func(c *x509.Certificate) {
			c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
				{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: bmp(o)}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: bmp(cn)}}}
		}
	}
	trees := func(list ...asn1.RawValue) (all []subtree) {
		for _, v := range list {
			all = append(all, subtree{v})
		}
		return all
	}
	staff := directoryTree(pkix.Name{Organization: []string{"Staff"}})
	for i, c := range []struct {
		name   string
		limits pkix.Extension
		cn     string
		dns    []string
		edit   func(*x509.Certificate)
		good   bool
	}{
		{"mail of the domain", limits(true, trees(mailTree("limited.example")), nil), "joe", nil, mail("joe@Limited.example"), true},
		{"mail of another", limits(true, trees(mailTree("limited.example")), nil), "joe", nil, mail("root@other.example"), false},
		{"mail below the domain", limits(true, trees(mailTree(".limited.example")), nil), "joe", nil, mail("joe@a.limited.example"), true},
		{"mail of an excluded host", limits(true, nil, trees(mailTree("limited.example"))), "joe", nil, mail("joe@limited.example"), false},
		{"mail, and limits on hosts", limits(true, trees(hostTree("limited.example")), nil), "joe", nil, mail("root@other.example"), true},
		{"a common name that is another host", limits(true, trees(hostTree("limited.example")), nil), "other.example", nil, none, false},
		{"a common name that is an excluded host", limits(true, nil, trees(hostTree("limited.example"))), "a.limited.example", nil, none, false},
		{"a common name that is a permitted host", limits(true, trees(hostTree("limited.example")), nil), "a.limited.example", nil, none, true},
		{"a common name that is no host", limits(true, trees(hostTree("limited.example")), nil), "joe the user", nil, none, true},
		{"a common name of one label", limits(true, trees(hostTree("limited.example")), nil), "joe", nil, none, true},
		{"a common name beside alternative names", limits(true, trees(hostTree("limited.example")), nil), "other.example", []string{"a.limited.example"}, none, true},
		{"the directory", limits(false, trees(staff), nil), "joe", nil, of("Staff"), true},
		{"the directory in other letters", limits(false, trees(staff), nil), "joe", nil, of(" STAFF"), true},
		{"another directory", limits(false, trees(staff), nil), "joe", nil, of("Guests"), false},
		{"another directory, a permitted host", limits(false, trees(hostTree("limited.example"), staff), nil), "joe", []string{"a.limited.example"}, of("Guests"), false},
		{"the directory in another string type", limits(false, trees(staff), nil), "", nil, wide("Staff", "joe"), true},
		{"an excluded directory in another string type", limits(false, nil, trees(staff)), "", nil, wide("Staff", "joe"), false},
		{"a host in another string type", limits(true, trees(hostTree("limited.example")), nil), "", nil, wide("Staff", "other.example"), false},
		{"an excluded host in another string type", limits(true, nil, trees(hostTree("limited.example"))), "", nil, wide("Staff", "a.limited.example"), false},
		{"an excluded directory", limits(false, nil, trees(staff)), "joe", nil, of("staff"), false},
		{"beside an excluded directory", limits(false, nil, trees(staff)), "joe", nil, of("Guests"), true},
	} {
		ca := s.pki.Named(fmt.Sprint("limited ", i), pki.Spec{Name: fmt.Sprint("limited ", i), Issuer: s.pki.Root, CA: true,
			Edit: func(x *x509.Certificate) { x.ExtraExtensions = []pkix.Extension{c.limits} }})
		leaf := s.pki.Named(fmt.Sprint("limited leaf ", i), pki.Spec{Name: c.cn, Issuer: ca, DNS: c.dns, Edit: c.edit,
			Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}})
		for _, v := range bothVersions {
			t.Run(c.name+" "+versionName(v), func(t *testing.T) {
				x := s.serve(t, func(cfg *backend.ServerConfig) {
					cfg.Anchors, cfg.Client, cfg.MaxVersion = s.pki.Anchors(), backend.CertMandatory, v
				}, present(leaf))
				if !c.good {
					refused(t, x, backend.PeerBadChain)
				} else if x.connect(); x.conn.State().Peer == nil {
					t.Error("not in the state")
				}
				x = s.dial(t, func(cfg *backend.ClientConfig) { cfg.ServerName = "" }, withCert(leaf, v))
				if !c.good {
					refused(t, x, backend.PeerBadChain)
				} else {
					x.connect()
				}
			})
		}
	}
}
