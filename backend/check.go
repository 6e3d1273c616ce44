package backend

import (
	"net/netip"
	"strings"

	"ucspitls/backend/hostname"
)

// What no backend should have to check for itself: values that are wrong
// whatever the library.

// MinRSA is the length of the shortest RSA key that counts, in bits, anywhere
// in a chain: a signature that an anchor's key makes is as easily forged.
const MinRSA = 2048

// MaxAnchorNames is how many bytes of anchor names a server sends; a
// CertificateRequest holds 64 KiB with everything else in it.
const MaxAnchorNames = 60000

// maxALPN is what fits into the extension (RFC 7301, 3.1).
const maxALPN = 1<<16 - 3

// Check gives an error of kind Config for values that can't be used, and
// replaces zero versions by the defaults.
func (c *ServerConfig) Check() error {
	if c.Client > CertMandatory {
		return &Error{Kind: Config, Reason: BadMode}
	}
	if err := c.checkTicketKeys(); err != nil {
		return err
	}
	return c.check(c.Client != CertNone)
}

// Check is what it is for a server, and checks the server name too. A
// Fingerprinter takes the fingerprint out before.
func (c *ClientConfig) Check() error {
	if c.ServerName != "" && !isAddress(c.ServerName) && !hostname.InUse(c.SNI()) {
		return &Error{Kind: Config, Where: c.ServerName, Reason: BadServerName}
	}
	if c.Fingerprint != "" && c.Fingerprint != Golang {
		return c.BadFingerprint(NoFingerprint)
	}
	return c.check(!c.NoVerifyCert)
}

// CheckFIPS gives an error of kind Config if FIPS mode is required and i says
// that it is off, for a backend that can't be put into it.
func (c *Common) CheckFIPS(i Info) error {
	if c.RequireFIPS && i.FIPS == "off" {
		return &Error{Kind: Config, Reason: Reason("the cryptographic module of this build (" + i.Library + ") is not in FIPS mode")}
	}
	return nil
}

// Golang is the fingerprint that needs no choice.
const Golang = "golang"

// BadFingerprint is an error of kind Config about the fingerprint.
func (c *ClientConfig) BadFingerprint(r Reason) error {
	return &Error{Kind: Config, Where: c.Fingerprint, Reason: r}
}

// SNI is the server name as it is sent: without a final dot, and empty for
// an address (RFC 6066, 3).
func (c *ClientConfig) SNI() string {
	if isAddress(c.ServerName) {
		return ""
	}
	return strings.TrimSuffix(c.ServerName, ".")
}

func (c *Common) check(verifies bool) error {
	if c.MinVersion == 0 {
		c.MinVersion = TLS12
	}
	if c.MaxVersion == 0 {
		c.MaxVersion = TLS13
	}
	if c.MinVersion < TLS12 || c.MaxVersion > TLS13 || c.MinVersion > c.MaxVersion {
		return &Error{Kind: Config, Reason: BadVersions}
	}
	n := 0
	for _, p := range c.ALPN {
		n += 1 + len(p)
		if len(p) == 0 || len(p) > 255 || n > maxALPN {
			return &Error{Kind: Config, Where: p, Reason: BadALPN}
		}
	}
	if verifies && len(c.Anchors) == 0 {
		return &Error{Kind: Config, Reason: NoAnchor}
	}
	return nil
}

func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}
