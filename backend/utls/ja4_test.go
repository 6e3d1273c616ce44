package utls

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/exaring/ja4plus"
	utls "github.com/refraction-networking/utls"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
)

// sent is the ClientHello that c makes a client send, as a server of
// crypto/tls reads it from the wire.
func sent(t *testing.T, c backend.ClientConfig) *tls.ClientHelloInfo {
	t.Helper()
	c.NoVerifyCert = true
	e, err := Backend.NewClient(&c)
	if err != nil {
		t.Fatalf("%s: %v", c.Fingerprint, err)
	}
	w := &backendtest.Wire{}
	conn := e.NewConn(w)
	defer conn.Close()
	if err := conn.Handshake(); err != backend.ErrAgain {
		t.Fatalf("%s: %v (%v)", c.Fingerprint, err, errors.Unwrap(err))
	}
	return parse(t, w.Out)
}

func parse(t *testing.T, record []byte) (hello *tls.ClientHelloInfo) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		ours.Write(record)
		io.Copy(io.Discard, ours)
	}()
	tls.Server(theirs, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		hello = h
		hello.Conn = nil
		return nil, errors.New("seen")
	}}).Handshake()
	theirs.Close()
	if hello == nil {
		t.Fatal("no ClientHello on the wire")
	}
	return hello
}

var browser = backend.Common{ALPN: []string{"h2", "http/1.1"}}

// published is what others have measured of the programs themselves.
var published = map[string]string{
	"chrome_120":  "t13d1516h2_8daaf6152771_02713d6af862",
	"chrome_131":  "t13d1516h2_8daaf6152771_02713d6af862",
	"chrome_133":  "t13d1516h2_8daaf6152771_d8a2da3f94cd",
	"firefox_120": "t13d1715h2_5b57614c22b0_5c2c66f702b0",
}

func TestJA4(t *testing.T) {
	for name, ja4 := range published {
		if p := find(name); p == nil || p.ja4 != ja4 {
			t.Errorf("the table has %v for %s", p, name)
		}
	}
	for _, p := range presets {
		// Padding comes in at some lengths of the name, as in the browsers,
		// of which chrome_120 has a part of random length.
		c := backend.ClientConfig{Fingerprint: p.name, ServerName: "a-name-of-some-length.mail.example.org", Common: browser}
		if !hasALPN(p) {
			c.ALPN = nil
		}
		if got := ja4plus.JA4(sent(t, c)); got != p.ja4 {
			t.Errorf("%s sends %s, the table has %q", p.name, got, p.ja4)
		}
	}
}

func hasALPN(p preset) bool {
	s, _ := p.hello()
	return slices.ContainsFunc(s.Extensions, func(x utls.TLSExtension) bool { _, ok := x.(*utls.ALPNExtension); return ok })
}

// TestFamilies: each is what the newest preset of it is, and --list-fingerprints has them all.
func TestFamilies(t *testing.T) {
	list := Backend.(backend.Fingerprinter).Fingerprints()
	for _, f := range families {
		i := slices.IndexFunc(list, func(l backend.Fingerprint) bool { return l.Name == f.name })
		if i < 0 || list[i].JA4 != find(f.newest).ja4 || !strings.HasPrefix(f.newest, f.name+"_") {
			t.Errorf("%s is not %s", f.name, f.newest)
		}
	}
}
