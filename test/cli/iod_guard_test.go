//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// TestSharedKeyGuard: the worker of a shared process with a key guard serves
// session after session and never has the key; a guard that dies takes its
// worker along, and the next pair of them serves.
func TestSharedKeyGuard(t *testing.T) {
	chainOnly(t, "this one is started by the test")
	need.Root(t)
	t.Parallel()
	for _, k := range []pki.KeyType{pki.P256, pki.RSA2048} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			env, dir := material(t)
			c, named := pki.New(t).Server(k), pki.New(t).Server(pki.P256)
			cert, key := c.WriteFiles(t, dir, "searched")
			certX, keyX := named.WriteFiles(t, dir, "named")
			env = override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key, "TLS_UID=65534", "TLS_GID=65534",
				"CERTFILE:named.example=" + certX, "KEYFILE:named.example=" + keyX, keyGuard})
			d, ok := startDaemon(t, spec{args: []string{"-v2", "-k1"}, env: env})
			if !ok {
				t.Fatal("the daemon did not start: ", d.stderr())
			}
			env = append(env, "TLS_IOD="+d.path)
			trusting := func(c *tls.Config) { c.InsecureSkipVerify = true }
			session := func(tweaks ...tweak) {
				t.Helper()
				for _, program := range servers {
					x, a, c := through(t, program, []string{"-k1"}, env, append(tweaks, trusting)...)
					if own(x.pid) {
						t.Errorf("%s has started an -io", program)
					}
					chats(t, a, c)
					x.finish(a, c)
				}
			}
			for range 3 {
				session()
				session(func(c *tls.Config) { c.ServerName = "named.example" })
			}
			worker := d.worker()
			guard := child(t, worker, "s6-tlsd-iod: key guard of")
			secrets := append(secretsOf(c.Key, c.KeyPKCS8()), secretsOf(named.Key, named.KeyPKCS8())...)
			if found := copies(t, guard, secrets); total(found) == 0 {
				t.Error("no copy in the guard either: the search finds nothing")
			}
			if found := copies(t, worker, secrets); total(found) > 0 {
				t.Errorf("the key is in the process that talks to the network: %s", describe(found))
			}
			for n, link := range descriptors(worker) {
				if strings.HasSuffix(link, ".key") {
					t.Errorf("descriptor %d of the worker is %s", n, link)
				}
			}
			syscall.Kill(guard, syscall.SIGKILL)
			eventually(t, "another worker", func() bool { return strings.Count(d.written(), "serves") >= 2 })
			session()
			if log := d.stop(); !strings.Contains(log, "fatal: TLS_KEYGUARD=1: the key guard ended") {
				t.Errorf("stderr\n%s", log)
			}
		})
	}
}
