//go:build linux

package cli

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/test/need"
)

// TestFIPSProvider: with TLS_FIPS=require and nothing but OpenSSL's FIPS
// provider, tickets, the key guard and the shared process do what they do
// without. build-tags.md tells how FIPS_MODULE, a fips.so, is built.
func TestFIPSProvider(t *testing.T) {
	chainOnly(t, "it starts its own")
	t.Parallel()
	module := os.Getenv("FIPS_MODULE")
	if backendName != "openssl" {
		t.Skip("of OpenSSL")
	}
	if module == "" {
		need.Wanted(t, "OpenSSL's FIPS provider", "build-tags.md says how to build a fips.so; FIPS_MODULE names it")
	}
	dir := scratchFolder(t)
	section, conf := filepath.Join(dir, "fipsmodule.cnf"), filepath.Join(dir, "openssl.cnf")
	if out, err := exec.Command(need.Program(t, "openssl", "openssl"), "fipsinstall", "-module", module, "-out", section).CombinedOutput(); err != nil {
		t.Fatalf("openssl fipsinstall: %v\n%s", err, out)
	}
	text := "openssl_conf = init\n.include " + section + "\n[init]\nproviders = p\n[p]\nfips = fips_sect\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	fips := []string{"TLS_FIPS=require", "OPENSSL_CONF=" + conf, "OPENSSL_MODULES=" + filepath.Dir(module)}
	const inForce = ", FIPS OpenSSL FIPS Provider 3."
	for _, guard := range []string{"TLS_KEYGUARD=", keyGuard} {
		for _, v := range versions {
			t.Run(guard+" "+v.name, func(t *testing.T) {
				t.Parallel()
				r := newRegular(t, "s6-tlsd", nil, v.tweak)
				r.env = append(append(r.env, fips...), guard)
				for _, resumed := range []string{", not resumed", ", resumed"} {
					if _, said := r.visit(); !strings.Contains(said, resumed+inForce) {
						t.Errorf("want %q: %s", resumed+inForce, said)
					}
				}

				keys := "TLS_TICKETKEYS=" + r.keys
				d, env := ownDaemon(t, []string{"-v2"}, append(fips, guard, keys)...)
				cache := tls.NewLRUClientSessionCache(1)
				said := ""
				for range 2 {
					x, a, c := through(t, "s6-ucspitlsd", []string{"-v2"}, env, v.tweak, func(c *tls.Config) { c.ClientSessionCache = cache })
					if own(x.pid) {
						t.Error("the shared process did not serve")
					}
					chats(t, a, c) // a ticket of TLS 1.3 comes with what is read
					a.exit(0)
					c.Close()
					x.code()
					said += x.stderr() // the waiting process says what the shared one reports
				}
				d.stop()
				for _, resumed := range []string{", not resumed", ", resumed"} {
					if strings.Count(said, resumed+inForce) != 1 {
						t.Errorf("shared, want %q once: %s", resumed+inForce, said)
					}
				}
			})
		}
	}
}
