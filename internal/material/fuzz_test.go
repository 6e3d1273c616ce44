package material

import (
	"bytes"
	"strings"
	"testing"

	"ucspitls/backend/hostname"
)

// seeds are one of every kind of content, whole and cut.
func seeds(f *testing.F) {
	for _, s := range [][]byte{
		nil, makeCert("a"), sec1(), pkcs8(), makeCRL(), armour("CERTIFICATE", makeCert("a")),
		join(armour("EC PARAMETERS", []byte{6, 1, 42}), armour("EC PRIVATE KEY", sec1())),
		armour("X509 CRL", makeCRL(point(0x84, 1, 0xff))),
		armour("TRUSTED CERTIFICATE", join(makeCert("a"), []byte{0x30, 0})),
		[]byte("-----BEGIN X-----\n-----BEGIN X\n-----END X-----\n-----END"),
	} {
		f.Add(s)
		f.Add(s[:len(s)/2])
	}
}

// untouched checks that a parser keeps nothing of its argument: it is wiped later.
func untouched(t *testing.T, data []byte, parsed ...[]byte) {
	t.Helper()
	copies := make([][]byte, len(parsed))
	for i, p := range parsed {
		copies[i] = bytes.Clone(p)
	}
	for i := range data {
		data[i] ^= 0xff
	}
	for i, p := range parsed {
		if !bytes.Equal(p, copies[i]) {
			t.Fatal("the result shares memory with the file")
		}
	}
}

func FuzzChain(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := parseChain(data)
		if (err == nil) != (len(chain) > 0) {
			t.Fatalf("%d certificates, error %v", len(chain), err)
		}
		for _, der := range chain {
			if outlineOf(der) != certificate {
				t.Fatal("not a certificate")
			}
		}
		untouched(t, data, chain...)
	})
}

func FuzzKey(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := parseKey(data, "x")
		if (err == nil) != (key != nil) {
			t.Fatalf("%d bytes, error %v", len(key), err)
		}
		if shape := outlineOf(key); err == nil && (shape < keyPKCS8 || shape == keySealed) {
			t.Fatalf("outline %d", shape)
		}
		untouched(t, data, key)
	})
}

func FuzzAnchorsAndCRLs(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		anchors, err := parseAnchors(bytes.Clone(data))
		if (err == nil) != (len(anchors) > 0) {
			t.Fatalf("%d anchors, error %v", len(anchors), err)
		}
		seen := make(map[string]bool)
		for _, der := range anchors {
			if outlineOf(der) != certificate || seen[string(der)] {
				t.Fatal("no certificate, or twice")
			}
			seen[string(der)] = true
		}
		crls, err := parseCRLs(data)
		if (err == nil) != (len(crls) > 0) {
			t.Fatalf("%d CRLs, error %v", len(crls), err)
		}
		for _, der := range crls {
			if outlineOf(der) != revocations || !crlSupported(der) {
				t.Fatal("not a supported CRL")
			}
		}
		untouched(t, data, crls...)
	})
}

// FuzzNames: what matches does so by the rules, whatever the table and the name.
func FuzzNames(f *testing.F) {
	f.Add("*.example.net", "a.example.net")
	f.Add("*.example.net", "*.example.net")
	f.Add("*.com", "example.com")
	f.Add("Foo.example.", "foo.EXAMPLE")
	f.Add("*", "x")
	f.Add("*..a", "x..a")
	f.Fuzz(func(t *testing.T, variable, asked string) {
		n := &names{exact: map[string]*filePair{}, wild: map[string]*filePair{}}
		pair := &filePair{}
		name := foldName(variable)
		entered := n.enter(name, pair)
		if n.find(asked) == nil {
			if entered && hostname.Lower(asked) == name && !strings.Contains(name, "*") {
				t.Fatalf("%q does not match itself", asked)
			}
			return
		}
		if !entered {
			t.Fatalf("%q matches %q, which can't match", asked, variable)
		}
		if hostname.Lower(asked) == name && !strings.Contains(name, "*") {
			return
		}
		_, rest, _ := strings.Cut(hostname.Lower(asked), ".")
		if "*."+rest != name || !hostname.InUse(asked) || strings.Count(rest, ".") < 1 {
			t.Fatalf("%q matches %q", asked, variable)
		}
	})
}

// FuzzClientServerName: what is accepted is accepted again as it is, and is
// short and free of anything that could break out of a line.
func FuzzClientServerName(f *testing.F) {
	for _, s := range []string{"a.example", "a.example.", "192.0.2.1", "192.0.2.01", "::ffff:192.0.2.1", "fe80::1%eth0", "a..", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, ok := cleanServerName(name)
		if !ok {
			return
		}
		if again, ok := cleanServerName(clean); !ok || again != clean {
			t.Fatalf("%q became %q, and that %q", name, clean, again)
		}
		if clean == "" || len(clean) > 253 || strings.Trim(clean, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") != "" {
			t.Fatalf("%q became %q", name, clean)
		}
	})
}

// FuzzALPN: what is accepted fits into the extension.
func FuzzALPN(f *testing.F) {
	f.Add("h2,http/1.1")
	f.Add("a,,b")
	f.Add(strings.Repeat("a", 256))
	f.Fuzz(func(t *testing.T, list string) {
		protocols, err := parseALPN(list)
		total := 0
		for _, p := range protocols {
			if total += 1 + len(p); len(p) == 0 || len(p) > 255 {
				t.Errorf("%q", p)
			}
		}
		if err == nil && (total == 0 || total > 1<<16-3 || strings.Join(protocols, ",") != list) {
			t.Errorf("%q: %q", list, protocols)
		}
	})
}
