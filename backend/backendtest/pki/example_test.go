package pki_test

import (
	"crypto/x509"
	"fmt"

	"ucspitls/backend/backendtest/pki"
)

func Example() {
	p := pki.Shared() // in a test: pki.New(t)
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(p.Root.X509)
	between.AddCert(p.Intermediate.X509)
	verify := func(c *pki.Cert) {
		_, err := c.X509.Verify(x509.VerifyOptions{DNSName: pki.Host, Roots: roots, Intermediates: between})
		fmt.Println(c.X509.Subject.CommonName, err == nil)
	}
	verify(p.Server(pki.Ed25519))
	verify(p.BadServer(pki.Expired))
	verify(p.Issue(pki.Spec{Name: "mine", Issuer: p.Intermediate, DNS: []string{pki.Host}}))

	pair := p.Server(pki.P256).Pair() // for a backend
	fmt.Println(len(pair.Chain), pair.KeyName)
	// Output:
	// test server true
	// test server false
	// mine true
	// 2 KEYFILE: key.pem
}
