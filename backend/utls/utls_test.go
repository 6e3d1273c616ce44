package utls

import (
	"os"
	"strings"
	"testing"

	utls "github.com/refraction-networking/utls"

	"ucspitls/backend"
	"ucspitls/backend/backendtest"
	"ucspitls/backend/cryptotls"
)

func TestBackend(t *testing.T) { backendtest.Run(t, Backend) }

// TestForked runs the whole suite with a client that is uTLS, and a
// ClientHello that has all that the contract wants.
func TestForked(t *testing.T)      { backendtest.RunFork(t, forked{Backend}) }
func BenchmarkForked(b *testing.B) { backendtest.Bench(b, forked{Backend}) }

type forked struct{ backend.Backend }

func (forked) HoldKey(name string, der []byte) (backend.Signer, error) {
	return cryptotls.HoldKey(name, der)
}

func (f forked) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	if err := c.CheckFIPS(f.Info()); err != nil {
		return nil, err
	}
	if err := noGuard(c); err != nil {
		return nil, err
	}
	checked, err := cryptotls.NewClient(c)
	if err != nil {
		return nil, err
	}
	return newClient(checked, func() (utls.ClientHelloSpec, error) { return plain(checked), nil }), nil
}

// plain is a ClientHello without a program.
func plain(c *cryptotls.Client) utls.ClientHelloSpec {
	s := utls.ClientHelloSpec{TLSVersMax: c.MaxVersion, Extensions: []utls.TLSExtension{
		&utls.SNIExtension{},
		&utls.SupportedPointsExtension{SupportedPoints: []byte{0}},
		&utls.SupportedCurvesExtension{Curves: []utls.CurveID{utls.X25519MLKEM768, utls.X25519, utls.CurveP256, utls.CurveP384, utls.CurveP521}},
		&utls.SignatureAlgorithmsExtension{SupportedSignatureAlgorithms: signatures},
		&utls.ExtendedMasterSecretExtension{},
		&utls.RenegotiationInfoExtension{Renegotiation: utls.RenegotiateFreelyAsClient},
	}}
	if len(c.ALPN) > 0 {
		s.Extensions = append(s.Extensions, &utls.ALPNExtension{AlpnProtocols: []string{"replaced"}})
	}
	var versions []uint16
	if c.MaxVersion == backend.TLS13 {
		versions = []uint16{backend.TLS13}
		s.CipherSuites = append(s.CipherSuites, utls.TLS_AES_128_GCM_SHA256, utls.TLS_AES_256_GCM_SHA384, utls.TLS_CHACHA20_POLY1305_SHA256)
		s.Extensions = append(s.Extensions, &utls.KeyShareExtension{KeyShares: []utls.KeyShare{{Group: utls.X25519MLKEM768}, {Group: utls.X25519}}})
	}
	if c.MinVersion == backend.TLS12 {
		versions = append(versions, backend.TLS12)
		s.CipherSuites = append(s.CipherSuites, cryptotls.Suites12...)
	}
	s.Extensions = append(s.Extensions, &utls.SupportedVersionsExtension{Versions: versions})
	return s
}

func TestInfo(t *testing.T) {
	i := Backend.Info()
	if i.Name != "utls" || i.FIPS != "off" || !strings.Contains(i.Library, "uTLS v") || !strings.Contains(i.Library, "crypto/tls of go") {
		t.Errorf("%+v", i)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil || !strings.Contains(string(mod), "github.com/refraction-networking/utls "+version+"\n") &&
		!strings.Contains(string(mod), "github.com/refraction-networking/utls "+version+" // indirect\n") {
		t.Errorf("go.mod has another version than %s (%v)", version, err)
	}
}
