package material

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend"
)

func crlf(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }

func TestPairForms(t *testing.T) {
	leaf, middle := makeCert("leaf"), makeCert("middle")
	pemLeaf, pemMiddle := armour("CERTIFICATE", leaf), armour("CERTIFICATE", middle)
	p8 := armour("PRIVATE KEY", pkcs8())
	one, two := [][]byte{leaf}, [][]byte{leaf, middle}
	trusted := join(leaf, []byte{0x30, 0x00})
	cases := []struct {
		name      string
		cert, key []byte
		chain     [][]byte
		der       []byte
	}{
		{"PEM", pemLeaf, p8, one, pkcs8()},
		{"chain", join(pemLeaf, pemMiddle), p8, two, pkcs8()},
		{"CRLF", crlf(join(pemLeaf, pemMiddle)), crlf(p8), two, pkcs8()},
		{"no final newline", bytes.TrimSpace(pemLeaf), bytes.TrimSpace(p8), one, pkcs8()},
		{"text around", join([]byte("subject: x\n"), pemLeaf, []byte("\nissuer - y\n"), pemMiddle, []byte("end")), join([]byte("0 mine\n"), p8), two, pkcs8()},
		{"text over 8192 bytes", pemLeaf, join(bytes.Repeat([]byte("text\n"), 3000), p8), one, pkcs8()},
		{"byte order mark", join([]byte("\xef\xbb\xbf"), pemLeaf), p8, one, pkcs8()},
		{"DER", leaf, pkcs8(), one, pkcs8()},
		{"DER chain", join(leaf, middle), p8, two, pkcs8()},
		{"SEC1", pemLeaf, armour("EC PRIVATE KEY", sec1()), one, sec1()},
		{"SEC1 DER", pemLeaf, sec1(), one, sec1()},
		{"EC PARAMETERS first", pemLeaf, join(armour("EC PARAMETERS", []byte{6, 1, 42}), armour("EC PRIVATE KEY", sec1())), one, sec1()},
		{"PKCS#1", pemLeaf, armour("RSA PRIVATE KEY", pkcs1()), one, pkcs1()},
		{"PKCS#1 DER", pemLeaf, pkcs1(), one, pkcs1()},
		{"PKCS#8 called RSA", pemLeaf, armour("RSA PRIVATE KEY", pkcs8()), one, pkcs8()},
		{"both in both", join(p8, pemLeaf, pemMiddle), join(pemLeaf, p8), two, pkcs8()},
		{"first of two keys", pemLeaf, join(p8, armour("EC PRIVATE KEY", sec1())), one, pkcs8()},
		{"old label", armour("X509 CERTIFICATE", leaf), p8, one, pkcs8()},
		{"trusted certificate", join(armour("TRUSTED CERTIFICATE", trusted), pemMiddle), p8, two, pkcs8()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFolder(t)
			s := openServer(t, 0, backend.CertNone, "CERTFILE="+f.put("c", c.cert), "KEYFILE="+f.put("k", c.key))
			pair, err := s.Config.Keys("whatever")
			if err != nil || pair != s.Config.Default {
				t.Fatalf("Keys: %v, %v; want the default pair", pair, err)
			}
			if len(pair.Chain) != len(c.chain) {
				t.Fatalf("%d certificates, want %d", len(pair.Chain), len(c.chain))
			}
			for i := range c.chain {
				if !bytes.Equal(pair.Chain[i], c.chain[i]) {
					t.Errorf("certificate %d differs", i)
				}
			}
			if !bytes.Equal(pair.Key, c.der) {
				t.Error("key differs")
			}
			if pair.CertName != "CERTFILE: "+f.path("c") || pair.KeyName != "KEYFILE: "+f.path("k") {
				t.Errorf("named %q and %q", pair.CertName, pair.KeyName)
			}
			key := pair.Key
			s.Close()
			if !bytes.Equal(key, make([]byte, len(key))) {
				t.Error("key is not wiped by Close")
			}
		})
	}
}

func TestPairFlaws(t *testing.T) {
	leaf := makeCert("leaf")
	pemLeaf, p8 := armour("CERTIFICATE", leaf), armour("PRIVATE KEY", pkcs8())
	badBase64 := bytes.Replace(pemLeaf, []byte("\nMII"), []byte("\nM!I"), 1)
	half := func(text []byte) []byte { return text[:len(text)/2] }
	sealed := []byte{0x30, 0x09, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x04, 0x02, 1, 2}
	headers := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY",
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("sealed")})
	const advice = "the private key is encrypted; decrypt it with: openssl pkey -in KEY -out NEW"
	cases := []struct {
		name      string
		cert, key []byte
		line      string // with CERT and KEY for the paths
	}{
		{"cert empty", nil, p8, "CERTFILE: CERT: the file is empty"},
		{"cert blank", []byte(" \n\n"), p8, "CERTFILE: CERT: the file is empty"},
		{"cert is text", []byte("hello\n"), p8, "CERTFILE: CERT: no certificate in it"},
		{"cert is a key", p8, p8, "CERTFILE: CERT: only a private key in it, no certificate"},
		{"cert is a DER key", sec1(), p8, "CERTFILE: CERT: only a private key in it, no certificate"},
		{"cert cut off", half(pemLeaf), p8, "CERTFILE: CERT: the PEM block at line 1 is cut off"},
		{"first of two cut off", join(half(pemLeaf), []byte("\n"), pemLeaf), p8, "CERTFILE: CERT: the PEM block at line 1 is cut off"},
		{"DER cut off", half(leaf), p8, "CERTFILE: CERT: malformed or cut off DER, no certificate in it"},
		{"DER and rubbish", join(leaf, []byte("x")), p8, "CERTFILE: CERT: malformed or cut off DER, no certificate in it"},
		{"bad base64", badBase64, p8, "CERTFILE: CERT: malformed PEM block at line 1"},
		{"bad among good", join([]byte("text\n"), badBase64, pemLeaf), p8, "CERTFILE: CERT: malformed PEM block at line 2"},
		{"bad after good", join([]byte("text\n\n"), pemLeaf, []byte("-----BEGIN CERTIFICATE\n-----END CERTIFICATE-----\n")), p8, ""},
		{"indented", bytes.ReplaceAll(pemLeaf, []byte("-----BEGIN"), []byte("  -----BEGIN")), p8, "CERTFILE: CERT: malformed PEM block at line 1"},
		{"labels differ", bytes.Replace(pemLeaf, []byte("END CERTIFICATE"), []byte("END CERTIFICAT"), 1), p8, "CERTFILE: CERT: malformed PEM block at line 1"},
		{"end alone", join([]byte("a\n-----END CERTIFICATE-----\n"), pemLeaf), p8, "CERTFILE: CERT: malformed PEM block at line 2"},
		{"no certificate inside", armour("CERTIFICATE", pkcs8()), p8, "CERTFILE: CERT: not a usable certificate (PEM block at line 1)"},
		{"nothing inside", armour("CERTIFICATE", nil), p8, "CERTFILE: CERT: not a usable certificate (PEM block at line 1)"},
		{"more inside", armour("CERTIFICATE", join(leaf, leaf)), p8, "CERTFILE: CERT: not a usable certificate (PEM block at line 1)"},
		{"other DER", []byte{0x30, 0x03, 2, 1, 1}, p8, "CERTFILE: CERT: not a usable certificate"},

		{"key empty", pemLeaf, nil, "KEYFILE: KEY: the file is empty"},
		{"key is text", pemLeaf, []byte("hello"), "KEYFILE: KEY: no private key in it"},
		{"key is a certificate", pemLeaf, pemLeaf, "KEYFILE: KEY: only a certificate in it, no private key"},
		{"key is a DER certificate", pemLeaf, leaf, "KEYFILE: KEY: only a certificate in it, no private key"},
		{"key cut off", pemLeaf, half(p8), "KEYFILE: KEY: the PEM block at line 1 is cut off"},
		{"key with bad DER", pemLeaf, armour("PRIVATE KEY", []byte("rubbish")), "KEYFILE: KEY: not a usable private key (PEM block at line 1)"},
		{"bad block after the key", pemLeaf, join(p8, badBase64), ""},
		{"encrypted PKCS#8", pemLeaf, armour("ENCRYPTED PRIVATE KEY", sealed), "KEYFILE: KEY: " + advice},
		{"encrypted PKCS#8 DER", pemLeaf, sealed, "KEYFILE: KEY: " + advice},
		{"encrypted traditional", pemLeaf, headers, "KEYFILE: KEY: " + advice},
		{"OpenSSH", pemLeaf, armour("OPENSSH PRIVATE KEY", []byte("openssh-key-v1")), "KEYFILE: KEY: an OpenSSH private key; PKCS#8, PKCS#1 or SEC1 is needed"},
		{"DSA", pemLeaf, armour("DSA PRIVATE KEY", []byte{0x30, 0}), "KEYFILE: KEY: " + string(backend.KeyUnsupported)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFolder(t)
			before := descriptors()
			_, err := Open(Options{Server: true, Environ: []string{"CERTFILE=" + f.put("c", c.cert), "KEYFILE=" + f.put("k", c.key)}})
			line := strings.NewReplacer("CERT:", f.path("c")+":", "KEY:", f.path("k")+":", "KEY ", f.path("k")+" ", "KEY.", f.path("k")+".").Replace(c.line)
			switch {
			case c.line != "":
				wantExit(t, err, 96, line)
			case err == nil || !strings.Contains(err.Error(), "malformed PEM block at line "):
				t.Errorf("error is %v", err)
			}
			if after := descriptors(); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

func TestPairFiles(t *testing.T) {
	f := newFolder(t)
	cert, key := f.put("c", armour("CERTIFICATE", makeCert("leaf"))), f.put("k", armour("PRIVATE KEY", pkcs8()))
	huge := f.path("huge")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, maxFile+1); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, cert, key string
		code            int
		line            string
	}{
		{"no certificate", "", key, 100, "CERTFILE not set"},
		{"no key", cert, "", 100, "KEYFILE not set"},
		{"missing certificate", f.path("x"), key, 96, "CERTFILE: open " + f.path("x") + ": no such file or directory"},
		{"missing key", cert, f.path("x"), 96, "KEYFILE: open " + f.path("x") + ": no such file or directory"},
		{"below a file", cert + "/x", key, 96, "CERTFILE: open " + cert + "/x: not a directory"},
		{"directory", f.dir, key, 96, "CERTFILE: " + f.dir + ": is a directory"},
		{"key directory", cert, f.dir, 96, "KEYFILE: " + f.dir + ": is a directory"},
		{"endless", "/dev/zero", key, 96, "CERTFILE: /dev/zero: is larger than 16 MiB"},
		{"huge", huge, key, 96, "CERTFILE: " + huge + ": is larger than 16 MiB"},
		{"device", "/dev/null", key, 96, "CERTFILE: /dev/null: the file is empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(Options{Server: true, Environ: []string{"CERTFILE=" + c.cert, "KEYFILE=" + c.key}})
			wantExit(t, err, c.code, c.line)
			_, err = Open(Options{Environ: []string{"CERTFILE=" + c.cert, "KEYFILE=" + c.key}, ServerName: "a.example", SendCert: true, NoVerifyCert: true})
			wantExit(t, err, c.code, c.line)
		})
	}
	t.Run("unset", func(t *testing.T) {
		_, err := Open(Options{Server: true, SNI: 1})
		wantExit(t, err, 100, "CERTFILE not set")
	})
}

func TestPairUnreadable(t *testing.T) {
	f := newFolder(t)
	cert := f.put("c", armour("CERTIFICATE", makeCert("leaf")))
	if err := os.Chmod(cert, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // root reads everything: run the test as somebody else
		for dir := f.dir; dir != os.TempDir() && dir != "/"; dir = dir[:strings.LastIndexByte(dir, '/')] {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestUnreadableChild$")
		cmd.Env = append(os.Environ(), "MATERIAL_UNREADABLE="+cert)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	checkUnreadable(t, cert)
}

// TestUnreadableChild is the part of TestPairUnreadable that runs without root's rights.
func TestUnreadableChild(t *testing.T) {
	cert := os.Getenv("MATERIAL_UNREADABLE")
	if cert == "" {
		t.Skip("run by TestPairUnreadable")
	}
	checkUnreadable(t, cert)
}

func checkUnreadable(t *testing.T, cert string) {
	_, err := Open(Options{Server: true, Environ: []string{"CERTFILE=" + cert, "KEYFILE=" + cert}})
	wantExit(t, err, 96, "CERTFILE: open "+cert+": permission denied")
}

// A pipe, as a shell's <(...) gives one, has no size to go by.
func TestPairFromPipe(t *testing.T) {
	f := newFolder(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content := join(bytes.Repeat([]byte("text\n"), 10000), armour("PRIVATE KEY", pkcs8()))
	go func() {
		w.Write(content)
		w.Close()
	}()
	path := "/proc/self/fd/" + strconv.Itoa(int(r.Fd()))
	s := openServer(t, 0, backend.CertNone, "CERTFILE="+f.put("c", makeCert("leaf")), "KEYFILE="+path)
	if !bytes.Equal(s.Config.Default.Key, pkcs8()) {
		t.Error("key differs")
	}
}
