package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// Large is a client's certificate that has size[0] bytes too many; what it
// presents above it has as many as the other sizes say.
func (p *PKI) Large(sizes ...int) *Cert {
	large := *p.large(sizes[0])
	large.Chain = slices.Clip(large.Chain)
	for _, size := range sizes[1:] {
		large.Chain = append(large.Chain, p.large(size).DER())
	}
	return &large
}

func (p *PKI) large(size int) *Cert {
	return p.Named(fmt.Sprint("client of ", size), Spec{Use: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		Edit: func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, size)}}
		}})
}
