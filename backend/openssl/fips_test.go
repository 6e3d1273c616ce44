//go:build openssl && cgo

package openssl

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/test/need"
)

const required = "SITE_REPORT=" + requireFIPS

// Without a provider FIPS mode can't be had, and nothing else in its place.
func TestFIPSFailsClosed(t *testing.T) {
	nowhere := "OPENSSL_MODULES=" + t.TempDir()
	for name, config := range map[string]string{
		"no configuration":      "",
		"the property alone":    "openssl_conf = init\n[init]\nalg_section = evp\n[evp]\ndefault_properties = fips=yes\n",
		"a preference":          "openssl_conf = init\n[init]\nalg_section = evp\n[evp]\ndefault_properties = ?fips=yes\n",
		"the default provider":  "openssl_conf = init\n[init]\nproviders = p\n[p]\ndefault = on\n[on]\nactivate = 1\n",
		"a module that is none": "openssl_conf = init\n[init]\nproviders = p\n[p]\nfips = on\n[on]\nmodule = " + os.Args[0] + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			out := site(t, config, nowhere, required)
			shows(t, out, "FIPS: off", "FIPS error: the FIPS provider can't be loaded: ", "server: kind 1, the FIPS provider can't be loaded: ")
			if strings.Contains(out, "_SHA256") {
				t.Errorf("somebody agreed on something:\n%s", out)
			}
		})
	}
	// Not asked for, half configured: not called FIPS.
	shows(t, site(t, "", nowhere), "FIPS: off", "FIPS error: <nil>", "304: TLS_AES_128_GCM_SHA256 ")
	shows(t, site(t, "openssl_conf = init\n[init]\nalg_section = evp\n[evp]\ndefault_properties = fips=yes\n", nowhere), "FIPS: off")
}

// TestFIPS needs the module: FIPS_MODULE names a fips.so, such as the one
// that OpenSSL's source builds with ./Configure enable-fips && make providers/fips.so.
func TestFIPS(t *testing.T) {
	module := os.Getenv("FIPS_MODULE")
	if module == "" {
		need.Wanted(t, "OpenSSL's FIPS provider", "build-tags.md says how to build a fips.so; FIPS_MODULE names it")
	}
	dir := t.TempDir()
	section := filepath.Join(dir, "fipsmodule.cnf")
	if out, err := exec.Command("openssl", "fipsinstall", "-module", module, "-out", section).CombinedOutput(); err != nil {
		t.Fatalf("openssl fipsinstall: %v\n%s", err, out)
	}
	modules := "OPENSSL_MODULES=" + filepath.Dir(module)
	known := "openssl_conf = init\n.include " + section + "\n[init]\nproviders = p\n"
	inForce := []string{"FIPS: OpenSSL FIPS Provider 3.", "FIPS error: <nil>", "P-256 key: <nil>", "RSA-2048 key: <nil>",
		"Ed25519 key: CERTFILE: cert.pem: unsupported key type", "303: ECDHE-ECDSA-AES128-GCM-SHA256 ", "304: TLS_AES_128_GCM_SHA256 P-256 <nil>",
		"X25519: " + string(backend.NoCipher), "ChaCha20: " + string(backend.NoCipher), "AES-GCM, P-256: <nil>"}
	inForce = append(inForce, ticketsWork...)

	t.Run("required", func(t *testing.T) {
		shows(t, site(t, known+"[p]\nfips = fips_sect\n", modules, required), inForce...)
	})
	t.Run("required, with the default provider", func(t *testing.T) {
		shows(t, site(t, known+"[p]\nfips = fips_sect\ndefault = on\n[on]\nactivate = 1\n", modules, required), inForce...)
	})
	t.Run("the site's choice", func(t *testing.T) {
		shows(t, site(t, known+"alg_section = evp\n[p]\nfips = fips_sect\nbase = on\n[on]\nactivate = 1\n[evp]\ndefault_properties = fips=yes\n", modules), inForce...)
	})
	t.Run("a group that is not approved", func(t *testing.T) {
		shows(t, site(t, known+"ssl_conf = ssl\n[p]\nfips = fips_sect\n[ssl]\nsystem_default = site\n[site]\nGroups = X25519\nCiphersuites = TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384\n", modules, required),
			"304: TLS_AES_256_GCM_SHA384 P-256 <nil>")
	})
	t.Run("there, but not asked for", func(t *testing.T) {
		shows(t, site(t, known+"[p]\nfips = fips_sect\ndefault = on\n[on]\nactivate = 1\n", modules), "FIPS: off", "304: TLS_AES_128_GCM_SHA256 ")
	})
	t.Run("tampered with", func(t *testing.T) {
		data, err := os.ReadFile(module)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(filepath.Join(dir, "fips.so"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		shows(t, site(t, known+"[p]\nfips = fips_sect\n", "OPENSSL_MODULES="+dir, required), "FIPS: off", "server: kind 1, ")
	})
}
