package backend

import (
	"errors"
	"strings"
	"testing"
)

func TestServerName(t *testing.T) {
	for name, want := range map[string]struct {
		sni string
		ok  bool
	}{
		"": {"", true}, "localhost": {"localhost", true}, "mail.example.org": {"mail.example.org", true},
		"mail.example.org.": {"mail.example.org", true}, "MAIL.example": {"MAIL.example", true},
		"a_b.example": {"a_b.example", true}, "xn--bcher-kva.example": {"xn--bcher-kva.example", true},
		"127.0.0.1": {"", true}, "::1": {"", true}, "1.example": {"1.example", true},
		"[::1]": {"", false}, "fe80::1%eth0": {"", false}, "1.2.3": {"", false}, "256.1.1.1": {"", false},
		".": {"", false}, "a..": {"", false}, "a b": {"", false}, "-a": {"", false}, "a-": {"", false},
		"é": {"", false}, "a\x00": {"", false}, "*.example": {"", false},
		strings.Repeat("a", 63): {strings.Repeat("a", 63), true}, strings.Repeat("a", 64): {"", false},
		strings.Repeat("a.", 127) + "a": {"", false},
	} {
		c := &ClientConfig{ServerName: name, NoVerifyCert: true}
		err := c.Check()
		e, _ := errors.AsType[*Error](err)
		if (err == nil) != want.ok || err != nil && (e.Kind != Config || e.Reason != BadServerName || e.Where != name) {
			t.Errorf("%q: %v", name, err)
		}
		if want.ok && c.SNI() != want.sni {
			t.Errorf("%q: sent as %q", name, c.SNI())
		}
	}
}

func TestVersions(t *testing.T) {
	for in, want := range map[[2]uint16][2]uint16{
		{0, 0}: {TLS12, TLS13}, {TLS13, 0}: {TLS13, TLS13}, {0, TLS12}: {TLS12, TLS12}, {TLS12, TLS13}: {TLS12, TLS13},
		{TLS13, TLS12}: {}, {0x0301, 0}: {}, {0, 0x0305}: {}, {0, 1}: {},
	} {
		c := &ServerConfig{Common: Common{MinVersion: in[0], MaxVersion: in[1]}}
		err := c.Check()
		if (err == nil) != (want[0] != 0) || err == nil && (c.MinVersion != want[0] || c.MaxVersion != want[1]) {
			t.Errorf("%x: %x to %x, %v", in, c.MinVersion, c.MaxVersion, err)
		}
	}
}

func TestALPNFits(t *testing.T) {
	long := strings.Repeat("x", 255)
	c := &ServerConfig{}
	for range 255 {
		c.ALPN = append(c.ALPN, long)
	}
	if err := c.Check(); err != nil { // 65,280 bytes
		t.Error(err)
	}
	if c.ALPN = append(c.ALPN, long); c.Check() == nil { // 65,536
		t.Error("more than the extension holds is accepted")
	}
}

func TestFingerprint(t *testing.T) {
	for name, ok := range map[string]bool{"": true, "golang": true, "chrome": false, "Golang": false} {
		c := &ClientConfig{Fingerprint: name, NoVerifyCert: true}
		if err := c.Check(); (err == nil) != ok || !ok && err.Error() != name+": this backend can't choose its ClientHello" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"not a usable private key":                                                                    {Reason: BadKey},
		"KEYFILE: /x/key.pem: not a usable private key":                                               {Where: "KEYFILE: /x/key.pem", Reason: BadKey},
		"the peer sent a bad record (sent alert bad_record_mac)":                                      {Reason: BadRecord, Alert: AlertBadRecordMAC},
		"the peer refused the handshake (peer sent alert unknown_ca)":                                 {Reason: PeerRefused, Alert: AlertUnknownCA, Peer: true},
		"the peer refused the handshake (peer sent alert number 199)":                                 {Reason: PeerRefused, Alert: 199, Peer: true},
		"no certificate for the server name that the client asked for (sent alert unrecognized_name)": {Reason: UnknownName, Alert: AlertUnrecognizedName},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	cause := errors.New("cause")
	if !errors.Is(&Error{Err: cause}, cause) {
		t.Error("the library's error is lost")
	}
}
