package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"

	"ucspitls/backend"
)

var (
	nameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	subjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidMail         = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01} // emailAddress, PKCS #9
	oidCommonName   = []byte{0x55, 0x04, 0x03}
)

// deltaIndicator and issuingPoint make a CRL less than its issuer's whole list.
// They ought to be critical, and may not be (RFC 5280, 5.2.4 and 5.2.5).
var (
	deltaIndicator = asn1.ObjectIdentifier{2, 5, 29, 27}
	issuingPoint   = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// parseCRL refuses lists that speak for some certificates only, and those with a
// critical extension: a list that is only half understood proves nothing (RFC
// 5280, 5.2).
func parseCRL(der []byte) (*x509.RevocationList, error) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, &backend.Error{Kind: backend.Config, Reason: backend.BadCRL, Err: err}
	}
	unsupported := &backend.Error{Kind: backend.Config, Reason: backend.CRLUnsupported}
	for _, x := range list.Extensions {
		if x.Critical || x.Id.Equal(deltaIndicator) || x.Id.Equal(issuingPoint) {
			return nil, unsupported
		}
	}
	for i := range list.RevokedCertificateEntries {
		for _, x := range list.RevokedCertificateEntries[i].Extensions {
			if x.Critical {
				return nil, unsupported
			}
		}
	}
	return list, nil
}

// revocation wants a current list of c's issuer, signed with the issuer's
// key, on which c does not stand. c stands on none that is current.
func (v *Verifier) revocation(c, issuer *x509.Certificate) error {
	now, current := v.now(), false
	for _, list := range v.crls {
		if !bytes.Equal(list.RawIssuer, c.RawIssuer) || now.Before(list.ThisUpdate) || !now.Before(list.NextUpdate) {
			continue
		}
		// This wants cRLSign of the issuer, if it has a key usage at all.
		if list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		current = true
		for i := range list.RevokedCertificateEntries {
			if list.RevokedCertificateEntries[i].SerialNumber.Cmp(c.SerialNumber) == 0 {
				return refuse(backend.PeerRevoked, nil)
			}
		}
	}
	if !current {
		return refuse(backend.PeerNoCRL, nil)
	}
	return nil
}
