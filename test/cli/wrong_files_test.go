//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// A fault is something that is wrong, and how it must be reported: the exit
// code, the one line on stderr, and the alert that the peer gets.
type fault struct {
	name  string
	args  string                   // of s6-tlsd
	env   func(f *folder) []string // see override; nil: the material as it is
	peer  scene                    // nil: says hello and looks what comes
	code  int
	line  string // behind "s6-tlsd-io: fatal: "; FOLDER is the test's
	alert string // "": the peer gets none
}

// A directory is where a test's files are.
type folder struct {
	t   *testing.T
	dir string
	*pki.PKI
}

func (f *folder) write(name string, data []byte) string { return pki.WriteFile(f.t, f.dir, name, data) }

// check runs s6-tlsd, whose code is its -io's.
func (c *fault) check(t *testing.T) { c.checkWith(t) }

// guarded is the same with a key guard: nobody can tell who read the files.
func (c *fault) guarded(t *testing.T) {
	chainOnly(t, "its key guard is the worker's")
	c.checkWith(t, keyGuard)
}

func (c *fault) checkWith(t *testing.T, more ...string) {
	t.Helper()
	t.Parallel()
	env, dir := material(t)
	env = override(env, more)
	f := &folder{t, dir, pki.New(t)}
	if c.env != nil {
		env = override(env, c.env(f))
	}
	x := serveWith(t, spec{program: "s6-tlsd", args: strings.Fields(c.args), env: env})
	peer := c.peer
	if peer == nil {
		peer = hello()
	}
	if alert := peer(t, x.peer); alert != c.alert {
		t.Errorf("the peer got the alert %q, want %q", alert, c.alert)
	}
	x.peer.Close()
	line := ""
	if c.line != "" {
		line = "s6-tlsd-io: fatal: " + strings.ReplaceAll(c.line, "FOLDER", dir)
	}
	x.expect(c.code, line)
	if x.stage.started() {
		t.Error("prog was started")
	}
}

func checkAll(t *testing.T, table []fault) {
	t.Parallel()
	for _, c := range table {
		t.Run(c.name, c.check)
		t.Run(c.name+", guarded", c.guarded)
	}
}

// Wrong files: nothing is sent to the peer, prog never runs.
func TestWrongFiles(t *testing.T) {
	cert := func(data func(f *folder) []byte) func(*folder) []string {
		return func(f *folder) []string { return []string{"CERTFILE=" + f.write("x", data(f))} }
	}
	key := func(data func(f *folder) []byte) func(*folder) []string {
		return func(f *folder) []string { return []string{"KEYFILE=" + f.write("x", data(f))} }
	}
	ca := func(data func(f *folder) []byte) func(*folder) []string {
		return func(f *folder) []string { return []string{"CAFILE=" + f.write("x", data(f))} }
	}
	set := func(items ...string) func(*folder) []string {
		return func(f *folder) []string {
			var out []string
			for _, item := range items {
				out = append(out, strings.ReplaceAll(item, "FOLDER", f.dir))
			}
			return out
		}
	}
	is := func(s string) func(*folder) []byte { return func(*folder) []byte { return []byte(s) } }
	chain := func(f *folder) []byte { return f.Server(pki.P256).ChainPEM() }
	const (
		text    = "this is no PEM\n"
		sealed  = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
		sealed2 = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n-----END EC PRIVATE KEY-----\n"
		advice  = "the private key is encrypted; decrypt it with: openssl pkey -in FOLDER/x -out NEW"
	)
	half := func(b []byte) []byte { return b[:len(b)/2] }
	checkAll(t, []fault{
		{name: "CERTFILE unset", env: set("CERTFILE"), code: 100, line: "CERTFILE not set"},
		{name: "CERTFILE empty string", env: set("CERTFILE="), code: 100, line: "CERTFILE not set"},
		{name: "KEYFILE unset", env: set("KEYFILE"), code: 100, line: "KEYFILE not set"},
		{name: "KEYFILE empty string", env: set("KEYFILE="), code: 100, line: "KEYFILE not set"},
		{name: "CERTFILE missing", env: set("CERTFILE=FOLDER/none"), code: 96, line: "CERTFILE: open FOLDER/none: no such file or directory"},
		{name: "CERTFILE below a file", env: set("CERTFILE=FOLDER/ca.pem/x"), code: 96, line: "CERTFILE: open FOLDER/ca.pem/x: not a directory"},
		{name: "CERTFILE a directory", env: set("CERTFILE=FOLDER"), code: 96, line: "CERTFILE: FOLDER: is a directory"},
		{name: "CERTFILE empty", env: cert(is("")), code: 96, line: "CERTFILE: FOLDER/x: the file is empty"},
		{name: "CERTFILE blank", env: cert(is("\n \r\n")), code: 96, line: "CERTFILE: FOLDER/x: the file is empty"},
		{name: "CERTFILE text", env: cert(is(text)), code: 96, line: "CERTFILE: FOLDER/x: no certificate in it"},
		{name: "CERTFILE binary garbage", env: cert(is("\x00\x01\xff\xfe\x80")), code: 96, line: "CERTFILE: FOLDER/x: no certificate in it"},
		{name: "CERTFILE a key", env: set("CERTFILE=FOLDER/server.key"), code: 96, line: "CERTFILE: FOLDER/server.key: only a private key in it, no certificate"},
		{name: "CERTFILE cut off", env: cert(func(f *folder) []byte { return half(f.Server(pki.P256).CertPEM()) }), code: 96, line: "CERTFILE: FOLDER/x: the PEM block at line 1 is cut off"},
		{name: "CERTFILE chain cut off", env: cert(func(f *folder) []byte { b := oneLine(chain(f)); return b[:len(b)-40] }), code: 96, line: "CERTFILE: FOLDER/x: the PEM block at line 4 is cut off"},
		{name: "CERTFILE bad base64", env: cert(func(f *folder) []byte { return []byte(strings.Replace(string(chain(f)), "\nM", "\n!", 1)) }), code: 96, line: "CERTFILE: FOLDER/x: malformed PEM block at line 1"},
		{name: "CERTFILE PEM of something else", env: cert(is("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n")), code: 96, line: "CERTFILE: FOLDER/x: not a usable certificate (PEM block at line 1)"},
		{name: "CERTFILE DER cut off", env: cert(func(f *folder) []byte { return half(f.Server(pki.P256).DER()) }), code: 96, line: "CERTFILE: FOLDER/x: malformed or cut off DER, no certificate in it"},
		{name: "CERTFILE RSA-1024", env: func(f *folder) []string {
			c, k := f.BadServer(pki.Weak).WriteFiles(f.t, f.dir, "weak")
			return []string{"CERTFILE=" + c, "KEYFILE=" + k}
		}, code: 96, line: "CERTFILE: FOLDER/weak.pem: RSA key is too short (2048 bits at least)"},

		{name: "KEYFILE missing", env: set("KEYFILE=FOLDER/none"), code: 96, line: "KEYFILE: open FOLDER/none: no such file or directory"},
		{name: "KEYFILE a directory", env: set("KEYFILE=FOLDER"), code: 96, line: "KEYFILE: FOLDER: is a directory"},
		{name: "KEYFILE empty", env: key(is("")), code: 96, line: "KEYFILE: FOLDER/x: the file is empty"},
		{name: "KEYFILE text", env: key(is(text)), code: 96, line: "KEYFILE: FOLDER/x: no private key in it"},
		{name: "KEYFILE a certificate", env: set("KEYFILE=FOLDER/server.pem"), code: 96, line: "KEYFILE: FOLDER/server.pem: only a certificate in it, no private key"},
		{name: "KEYFILE cut off", env: key(func(f *folder) []byte { return half(f.Server(pki.P256).KeyPEM()) }), code: 96, line: "KEYFILE: FOLDER/x: the PEM block at line 1 is cut off"},
		{name: "KEYFILE bad base64", env: key(func(f *folder) []byte {
			return []byte(strings.Replace(string(f.Server(pki.P256).KeyPEM()), "\nM", "\n!", 1))
		}), code: 96, line: "KEYFILE: FOLDER/x: malformed PEM block at line 1"},
		{name: "KEYFILE bad DER in PEM", env: key(is("-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n")), code: 96, line: "KEYFILE: FOLDER/x: not a usable private key (PEM block at line 1)"},
		{name: "KEYFILE DER cut off", env: key(func(f *folder) []byte { return half(f.Server(pki.P256).KeyPKCS8()) }), code: 96, line: "KEYFILE: FOLDER/x: malformed or cut off DER, no private key in it"},
		{name: "KEYFILE encrypted PKCS#8", env: key(is(sealed)), code: 96, line: "KEYFILE: FOLDER/x: " + advice},
		{name: "KEYFILE encrypted, traditional", env: key(is(sealed2)), code: 96, line: "KEYFILE: FOLDER/x: " + advice},
		{name: "key of another certificate", env: key(func(f *folder) []byte { return f.Client(pki.P256).KeyPEM() }), code: 96, line: "KEYFILE: FOLDER/x: private key does not match the certificate"},
		{name: "key of another type", env: key(func(f *folder) []byte { return f.Server(pki.RSA2048).KeyPEM() }), code: 96, line: "KEYFILE: FOLDER/x: private key does not match the certificate"},

		{name: "-y, no anchors", args: "-y", env: set("CAFILE"), code: 100, line: "CADIR or CAFILE not set"},
		{name: "-Y, no anchors", args: "-Y", env: set("CAFILE="), code: 100, line: "CADIR or CAFILE not set"},
		{name: "CAFILE missing", args: "-y", env: set("CAFILE=FOLDER/none"), code: 96, line: "CAFILE: open FOLDER/none: no such file or directory"},
		{name: "CAFILE empty", args: "-y", env: ca(is("")), code: 96, line: "CAFILE: FOLDER/x: the file is empty"},
		{name: "CAFILE text", args: "-y", env: ca(is(text)), code: 96, line: "CAFILE: FOLDER/x: no certificate in it"},
		{name: "CAFILE with one bad certificate", args: "-y", env: ca(func(f *folder) []byte {
			return append(oneLine(f.Root.CertPEM()), "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"...)
		}), code: 96, line: "CAFILE: FOLDER/x: not a usable certificate (PEM block at line 4)"},
		{name: "CADIR missing", args: "-y", env: set("CADIR=FOLDER/none"), code: 96, line: "CADIR: open FOLDER/none: no such file or directory"},
		{name: "CADIR a file", args: "-y", env: set("CADIR=FOLDER/ca.pem"), code: 96, line: "CADIR: open FOLDER/ca.pem: not a directory"},
		{name: "CADIR without an anchor wins over CAFILE", args: "-y", env: func(f *folder) []string { return []string{"CADIR=" + f.sub("empty")} }, code: 96, line: "CADIR: no trust anchor found in FOLDER/empty"},

		{name: "-k1, KEYFILE:x alone", args: "-k1", env: set("KEYFILE:x=FOLDER/server.key"), code: 96, line: "KEYFILE:x: CERTFILE:x not set"},
		{name: "-k1, CERTFILE:x alone", args: "-k1", env: set("CERTFILE:x=FOLDER/server.pem"), code: 96, line: "CERTFILE:x: KEYFILE:x not set"},
		{name: "-k1, a pair is missing", args: "-k1", env: set("CERTFILE:x=FOLDER/none", "KEYFILE:x=FOLDER/server.key"), code: 96, line: "CERTFILE:x: open FOLDER/none: no such file or directory"},
		{name: "-k1, a key is missing", args: "-k1", env: set("CERTFILE:x=FOLDER/server.pem", "KEYFILE:x=FOLDER/none"), code: 96, line: "KEYFILE:x: open FOLDER/none: no such file or directory"},
		{name: "-k1, the same name twice", args: "-k1", env: set("CERTFILE:x=FOLDER/server.pem", "KEYFILE:x=FOLDER/server.key", "CERTFILE:X=FOLDER/server.pem"), code: 96, line: "CERTFILE:X: the same server name is also written x"},
		{name: "-k1, no default pair", args: "-k1", env: set("CERTFILE", "KEYFILE", "CERTFILE:x=FOLDER/server.pem", "KEYFILE:x=FOLDER/server.key"), code: 100, line: "CERTFILE not set"},
		{name: "-k2, no pair", args: "-k2", code: 96, line: "no CERTFILE:name and KEYFILE:name pair is set"},
		{name: "-k1, the chosen pair is garbage", args: "-k1", env: func(f *folder) []string {
			return []string{"CERTFILE:localhost=" + f.write("x", []byte(text)), "KEYFILE:localhost=" + f.dir + "/server.key"}
		}, code: 96, line: "CERTFILE:localhost: FOLDER/x: no certificate in it (sent alert internal_error)", alert: "internal_error"},
		{name: "-k1, the chosen pair does not match", args: "-k1", env: func(f *folder) []string {
			return []string{"CERTFILE:localhost=" + f.dir + "/server.pem", "KEYFILE:localhost=" + f.write("x", f.Client(pki.P256).KeyPEM())}
		}, code: 96, line: "KEYFILE:localhost: FOLDER/x: private key does not match the certificate (sent alert internal_error)", alert: "internal_error"},

		{name: "TLS_CRLFILE missing", args: "-y", env: set("TLS_CRLFILE=FOLDER/none"), code: 96, line: "TLS_CRLFILE: open FOLDER/none: no such file or directory"},
		{name: "TLS_CRLFILE a certificate", args: "-y", env: set("TLS_CRLFILE=FOLDER/ca.pem"), code: 96, line: "TLS_CRLFILE: FOLDER/ca.pem: no CRL in it"},
		{name: "SSLKEYLOGFILE in no folder", env: set("SSLKEYLOGFILE=FOLDER/none/log"), code: 96, line: "SSLKEYLOGFILE: open FOLDER/none/log: no such file or directory"},
		{name: "SSLKEYLOGFILE a symbolic link", env: func(f *folder) []string {
			os.Symlink("elsewhere", f.dir+"/log")
			return []string{"SSLKEYLOGFILE=" + f.dir + "/log"}
		}, code: 96, line: "SSLKEYLOGFILE: open FOLDER/log: is a symbolic link"},
	})
}

// oneLine puts the base64 of the first PEM block into one line: the number of
// its lines varies with the signature.
func oneLine(text []byte) []byte {
	head, rest, _ := strings.Cut(string(text), "-----\n")
	body, rest, _ := strings.Cut(rest, "-----END")
	return []byte(head + "-----\n" + strings.ReplaceAll(body, "\n", "") + "\n-----END" + rest)
}

func (f *folder) sub(name string) string {
	path := filepath.Join(f.dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// Wrong values of variables: 100, or 96 for what this build can't do.
func TestWrongValues(t *testing.T) {
	set := func(items ...string) func(*folder) []string { return func(*folder) []string { return items } }
	checkAll(t, []fault{
		{name: "TLS_MIN_VERSION", env: set("TLS_MIN_VERSION=1.1"), code: 100, line: "TLS_MIN_VERSION must be 1.2 or 1.3"},
		{name: "TLS_MAX_VERSION", env: set("TLS_MAX_VERSION=TLSv1.3"), code: 100, line: "TLS_MAX_VERSION must be 1.2 or 1.3"},
		{name: "versions crossed", env: set("TLS_MIN_VERSION=1.3", "TLS_MAX_VERSION=1.2"), code: 100, line: "TLS_MIN_VERSION is above TLS_MAX_VERSION"},
		{name: "TLS_ALPN", env: set("TLS_ALPN=smtp,,x"), code: 100, line: "TLS_ALPN: empty protocol name"},
		{name: "TLS_LINGER", env: set("TLS_LINGER=0"), code: 100, line: "TLS_LINGER must be a positive integer, milliseconds"},
		{name: "TLS_IDLE_TIMEOUT", env: set("TLS_IDLE_TIMEOUT=5s"), code: 100, line: "TLS_IDLE_TIMEOUT must be an unsigned integer, milliseconds"},
		{name: "TLS_EXPORT", env: set("TLS_EXPORT=apache"), code: 100, line: "TLS_EXPORT: unknown value apache (must be s6 or mod_ssl)"},
		{name: "TLS_SANDBOX", env: set("TLS_SANDBOX=yes"), code: 100, line: "TLS_SANDBOX: unknown value yes (must be on, require or off)"},
		{name: "TLS_KEYGUARD", env: set("TLS_KEYGUARD=yes"), code: 100, line: "TLS_KEYGUARD: unknown value yes (must be 1, or unset)"},
		{name: "TLS_FIPS", env: set("TLS_FIPS=1"), code: 100, line: "TLS_FIPS: unknown value 1 (must be require, or unset)"},
	})
	t.Run("root only", func(t *testing.T) {
		need.Root(t) // for others TLS_UID and TLS_GID are not looked at
		for _, name := range []string{"TLS_UID", "TLS_GID"} {
			for _, v := range []string{"nobody", "-1", "+1", "0x10", "1.5", " 1", "4294967295", "4294967296"} {
				c := fault{env: set(name + "=" + v), code: 100, line: "invalid " + name + ": it must be a numeric id"}
				t.Run(name+"="+v, c.check)
			}
		}
		t.Run("a user without an account", (&fault{env: set("TLS_UID=4294967000"), code: 100, line: "no group for TLS_UID 4294967000 in /etc/passwd: set TLS_GID"}).check)
	})
}

// A file that the user must not read.
func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"CERTFILE", "KEYFILE"} {
		env, dir := material(t)
		file := dir + map[string]string{"CERTFILE": "/server.pem", "KEYFILE": "/server.key"}[name]
		s := spec{program: "s6-tlsd", env: env}
		if os.Getuid() == 0 {
			s.user = &syscall.Credential{Uid: 65534, Gid: 65534}
			open := scratchFolder(t) // t.TempDir() is the owner's alone
			for _, n := range []string{"server.pem", "server.key"} {
				data, err := os.ReadFile(dir + "/" + n)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(open+"/"+n, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			file = strings.Replace(file, dir, open, 1)
			s.env = []string{"CERTFILE=" + open + "/server.pem", "KEYFILE=" + open + "/server.key"}
		}
		if err := os.Chmod(file, 0); err != nil {
			t.Fatal(err)
		}
		x := serveWith(t, s)
		x.expect(96, "s6-tlsd-io: fatal: "+name+": open "+file+": permission denied")
	}
}

// scratchFolder is one that every user can look into.
func scratchFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// In delayed mode prog learns it as an EOF, and can't go on in the clear.
func TestWrongFilesInDelayedMode(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"y", "Y"} {
		x := serve(t, "s6-ucspitlsd", nil, "CERTFILE=/nonexistent")
		a := x.stage.app()
		a.write(1, "hello\n")
		a.write(a.ctl, command)
		a.expectEnd(a.ctl, "")
		a.expectEnd(a.rd, "")
		a.expectWait(96)
		a.expectFault(a.wr, "broken pipe")
		a.expectFault(1, "broken pipe")
		if data, end := drain(x.peer); string(data) != "hello\n" || end != "FIN" {
			t.Errorf("the peer got %q, %s", data, end)
		}
		a.exit(0)
		x.expect(0, "s6-tlsd-io: fatal: CERTFILE: open /nonexistent: no such file or directory")
	}
}

// -v0 quiets what peers do wrong, not what is wrong here.
func TestVerbosity(t *testing.T) {
	for _, v := range []struct {
		flag   string
		quiet  bool
		remote string
		prefix string
	}{
		{flag: "-v0", quiet: true},
		{flag: "-v1", prefix: "handshake failed: "},
		{flag: "-v0", quiet: true, remote: "192.0.2.7"},
		{flag: "-v1", remote: "192.0.2.7", prefix: "handshake with 192.0.2.7 failed: "},
		{flag: "", remote: "2001:db8::1", prefix: "handshake with 2001:db8::1 failed: "},
	} {
		line := func(s string) string {
			if v.quiet {
				return ""
			}
			return s
		}
		timeout := "handshake timed out"
		env := func(*folder) []string { return nil }
		if v.remote != "" {
			env = func(*folder) []string { return []string{"TCPREMOTEIP=" + v.remote} }
			timeout += ", peer " + v.remote
		}
		ours := func(f *folder) []string { return append(env(f), "CERTFILE=/nonexistent") }
		for _, c := range []fault{
			{name: "plaintext", peer: raw("EHLO x\r\n"), code: 98, line: line(v.prefix + "the peer does not speak TLS")},
			{name: "silence", args: "-K 200", peer: silence, code: 98, line: line(timeout)},
			{name: "alert", peer: distrust, code: 98, line: line(v.prefix + "the peer refused the handshake (peer sent alert bad_certificate)")},
			{name: "our own", env: ours, code: 96, line: "CERTFILE: open /nonexistent: no such file or directory"},
		} {
			c.args += " " + v.flag
			if c.env == nil {
				c.env = env
			}
			t.Run(v.flag+" "+v.remote+" "+c.name, c.check)
		}
	}
}

// exact is an alert that OpenSSL sends, where crypto/tls has bad_certificate
// for everything (doc/alerts.md).
func exact(alert string) string {
	if backendName == "openssl" {
		return alert
	}
	return "bad_certificate"
}
