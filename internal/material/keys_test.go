package material

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/diag"
)

// A testGuard is a Guard that notes which pair is used.
type testGuard struct{ used []uint32 }

func (g *testGuard) Signer(pair uint32) backend.Signer { return numbered(pair) }
func (g *testGuard) Use(pair uint32) error {
	g.used = append(g.used, pair)
	return nil
}

type numbered uint32

func (n numbered) Public() ([]byte, error)                     { return nil, nil }
func (n numbered) Sign(uint16, uint16, []byte) ([]byte, error) { return nil, nil }

// Both processes give a pair the same number, for all that they have in
// common is the environment.
func TestGuardedPairs(t *testing.T) {
	p, dir := pki.New(t), t.TempDir()
	kinds := []pki.KeyType{pki.P256, pki.P384, pki.Ed25519, pki.P521}
	names := []string{"", ":B.example", ":*.a.example", ":c.example."}
	var env []string
	for i := len(kinds) - 1; i >= 0; i-- { // not in the order of the alphabet, the default pair last
		cert, key := p.Server(kinds[i]).WriteFiles(t, dir, string(kinds[i]))
		env = append(env, "KEYFILE"+names[i]+"="+key, "CERTFILE"+names[i]+"="+cert)
	}
	for _, ask := range []struct {
		name string
		kind int
	}{{"b.example", 1}, {"x.a.example", 2}, {"c.example", 3}, {"other.example", 0}} {
		guard := &testGuard{}
		s, err := Open(Options{Server: true, Environ: env, SNI: 1, Guard: guard})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := OpenKeys(env, 1)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := s.(*server).Config.Keys(ask.name)
		if err != nil || pair.Key != nil || len(guard.used) != 1 || pair.Guard != numbered(guard.used[0]) {
			t.Fatalf("%s: %+v, %v, used %d", ask.name, pair, err, guard.used)
		}
		want := p.Server(kinds[ask.kind])
		if !bytes.Equal(pair.Chain[0], want.DER()) {
			t.Errorf("%s: another chain", ask.name)
		}
		keys.CloseBut(guard.used[0])
		where, der, ok, err := keys.Read(guard.used[0])
		if err != nil || !ok || !bytes.Equal(der, want.KeyPKCS8()) || where != pair.KeyName {
			t.Errorf("%s: another key, %s, %v, %v", ask.name, where, ok, err)
		}
		for other := range uint32(4) { // all are closed now
			if _, der, ok, err := keys.Read(other); !ok || err == nil || der != nil {
				t.Errorf("pair %d can still be read", other)
			}
		}
		for _, none := range []uint32{4, 1<<31 - 1, 1<<32 - 1} {
			if _, _, ok, err := keys.Read(none); ok || err != nil {
				t.Errorf("there is a pair %d: %v", none, err)
			}
		}
		s.Close()
	}
}

// What is wrong with a key file is said in the same words by either process.
func TestKeysErrors(t *testing.T) {
	p, dir := pki.New(t), t.TempDir()
	cert, key := p.Server(pki.P256).WriteFiles(t, dir, "server")
	text := pki.WriteFile(t, dir, "text", []byte("text\n"))
	for _, c := range []struct {
		level uint
		env   string
	}{
		{0, "CERTFILE=" + cert},
		{0, "CERTFILE=" + cert + " KEYFILE=/nonexistent"},
		{0, "CERTFILE=" + cert + " KEYFILE=" + dir},
		{0, "CERTFILE=" + cert + " KEYFILE=" + text},
		{0, "CERTFILE=" + cert + " KEYFILE=" + cert},
		{0, "CERTFILE=" + cert + " KEYFILE=" + key + " TLS_MIN_VERSION=1.1"},
		{2, "CERTFILE:x=" + cert},
		{2, "CERTFILE:x=" + cert + " KEYFILE:x=/nonexistent"},
	} {
		env := strings.Fields(c.env)
		_, plain := Open(Options{Server: true, Environ: env, SNI: c.level})
		keys, guarded := OpenKeys(env, c.level)
		if guarded == nil {
			_, _, _, err := keys.Read(0)
			guarded = fatal(err)
		}
		var a, b *diag.Error
		if !errors.As(plain, &a) || !errors.As(guarded, &b) || a.Code != b.Code || a.Text != b.Text {
			t.Errorf("%s:\n%v\n%v", c.env, plain, guarded)
		}
	}
}
