package verify

import (
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"ucspitls/backend"
)

// Explain puts what (*x509.Certificate).Verify says about the presented
// certificates into the contract's words.
func (v *Verifier) Explain(err error, presented []*x509.Certificate, use x509.ExtKeyUsage) *backend.Error {
	return refuse(v.reason(err, presented, use), err)
}

func (v *Verifier) reason(err error, presented []*x509.Certificate, use x509.ExtKeyUsage) backend.Reason {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch e.Reason {
		case x509.Expired: // which means: not now
			return dateFault(e.Cert, v.now())
		case x509.IncompatibleUsage:
			return backend.PeerPurpose
		}
		return backend.PeerBadChain
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return backend.PeerBadCert
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		for _, c := range presented {
			if hasWeakSignature(c) {
				return backend.PeerWeak
			}
		}
		if r, ok := v.hiddenDateFault(presented, use); ok {
			return r
		}
		return backend.PeerUntrusted
	}
	if strings.Contains(err.Error(), noFIPSChain) {
		return backend.PeerWeak
	}
	return backend.PeerBadChain
}

// noFIPSChain is what crypto/tls says in FIPS mode of a chain that is good but
// for its keys.
const noFIPSChain = "no FIPS compatible certificate chains"

// hiddenDateFault finds out whether dates are all that is wrong: crypto/x509
// gives "unknown authority" when the one issuer that would do is out of date
// and another candidate fails after it. So it asks again with certificates
// that are always valid.
func (v *Verifier) hiddenDateFault(presented []*x509.Certificate, use x509.ExtKeyUsage) (backend.Reason, bool) {
	now := v.now()
	roots, others := timeless(v.candidates(presented)), timeless(presented)
	chains, err := others[0].Verify(options(roots, others[1:], use, now))
	if err != nil {
		return "", false
	}
	for _, c := range chains[0] {
		if original, err := x509.ParseCertificate(c.Raw); err == nil && dateFault(original, now) != "" {
			return dateFault(original, now), true
		}
	}
	return "", false
}

func timeless(certs []*x509.Certificate) []*x509.Certificate {
	always := make([]*x509.Certificate, len(certs))
	for i, c := range certs {
		free := *c
		free.NotBefore, free.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
		always[i] = &free
	}
	return always
}

func dateFault(c *x509.Certificate, now time.Time) backend.Reason {
	switch {
	case now.Before(c.NotBefore):
		return backend.PeerNotYet
	case now.After(c.NotAfter):
		return backend.PeerExpired
	}
	return ""
}

func hasWeakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return string(c.RawIssuer) != string(c.RawSubject) // an anchor's own signature counts for nothing
	}
	return false
}
