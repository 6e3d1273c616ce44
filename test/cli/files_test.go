//go:build linux

package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// Files in every shape that must work. The peer verifies what it is shown.
func TestGoodFiles(t *testing.T) {
	t.Parallel()
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	bare := func(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }
	junk := func(b []byte) []byte {
		return append(append([]byte("Bag Attributes\n    friendlyName: x\nsubject=/CN=x\n\n"), b...), "and more text\n"...)
	}
	same := func(b []byte) []byte { return b }
	shapes := []struct {
		name   string
		change func([]byte) []byte
	}{{"PEM", same}, {"CRLF", crlf}, {"no final newline", bare}, {"CRLF, no final newline", func(b []byte) []byte { return bare(crlf(b)) }}, {"text around", junk}}
	serves := func(name string, k pki.KeyType, files func(f *folder) (cert, key []byte)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, dir := material(t)
			f := &folder{t, dir, pki.New(t)}
			cert, key := files(f)
			env = override(env, []string{"CERTFILE=" + f.write("c", cert), "KEYFILE=" + f.write("k", key)})
			shows(t, env, f.Server(k))
		})
	}
	for _, k := range pki.KeyTypes {
		for _, s := range shapes {
			serves(string(k)+" "+s.name, k, func(f *folder) (cert, key []byte) {
				return s.change(f.Server(k).ChainPEM()), s.change(f.Server(k).KeyPEM())
			})
		}
		serves(string(k)+" DER", k, func(f *folder) (cert, key []byte) {
			return bytes.Join(f.Server(k).Chain, nil), f.Server(k).KeyPKCS8()
		})
		if der, label := pki.New(t).Server(k).KeyLegacy(); der != nil {
			serves(string(k)+" "+label, k, func(f *folder) (cert, key []byte) { return f.Server(k).ChainPEM(), pki.PEM(label, der) })
			serves(string(k)+" "+label+" DER", k, func(f *folder) (cert, key []byte) { return f.Server(k).ChainPEM(), der })
		}
	}
	const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	serves("EC PARAMETERS before the key", pki.P256, func(f *folder) (cert, key []byte) {
		der, label := f.Server(pki.P256).KeyLegacy()
		return f.Server(pki.P256).ChainPEM(), append([]byte(parameters), pki.PEM(label, der)...)
	})
	serves("key behind 20 kB of text", pki.P256, func(f *folder) (cert, key []byte) {
		return f.Server(pki.P256).ChainPEM(), append(bytes.Repeat([]byte("text\n"), 4000), f.Server(pki.P256).KeyPEM()...)
	})
	serves("key before the chain in one file", pki.P256, func(f *folder) (cert, key []byte) {
		both := append(f.Server(pki.P256).KeyPEM(), f.Server(pki.P256).ChainPEM()...)
		return both, both
	})
	serves("chain before the key in one file", pki.P256, func(f *folder) (cert, key []byte) {
		both := append(f.Server(pki.P256).ChainPEM(), f.Server(pki.P256).KeyPEM()...)
		return both, both
	})
	serves("a chain of 21", pki.P256, func(f *folder) (cert, key []byte) {
		return append(f.Server(pki.P256).ChainPEM(), bytes.Repeat(f.Intermediate.CertPEM(), 19)...), f.Server(pki.P256).KeyPEM()
	})
	t.Run("expired, served all the same", func(t *testing.T) {
		t.Parallel()
		bad := pki.New(t).BadServer(pki.Expired)
		env, dir := material(t)
		cert, key := bad.WriteFiles(t, dir, "expired")
		shows(t, override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key}), bad, noName)
	})
}

// shows runs s6-tlsd and checks that the peer is shown a certificate.
func shows(t *testing.T, env []string, want *pki.Cert, tweaks ...tweak) {
	t.Helper()
	shown(t, spec{program: "s6-tlsd", env: env}, want, tweaks...)
}

func shown(t *testing.T, s spec, want *pki.Cert, tweaks ...tweak) {
	t.Helper()
	x := serveWith(t, s)
	c := handshake(t, x.peer, tweaks...)
	if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(want.X509) {
		t.Errorf("the peer was shown the certificate of %v", got.Subject)
	}
	x.stage.app().exit(0)
	c.Close()
	x.expect(0, "")
}

// Trust anchors in every shape.
func TestGoodAnchors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  func(f *folder) []string
	}{
		{"CAFILE", func(f *folder) []string { return nil }},
		{"CAFILE DER", func(f *folder) []string { return []string{"CAFILE=" + f.write("x", f.Root.DER())} }},
		{"CAFILE of several", func(f *folder) []string {
			return []string{"CAFILE=" + f.write("x", append(f.Other.CertPEM(), f.Root.CertPEM()...))}
		}},
		{"CAFILE with each twice", func(f *folder) []string { return []string{"CAFILE=" + f.write("x", bytes.Repeat(f.Root.CertPEM(), 2))} }},
		{"CAFILE the intermediate alone", func(f *folder) []string { return []string{"CAFILE=" + f.write("x", f.Intermediate.CertPEM())} }},
		{"CAFILE not used: CADIR wins", func(f *folder) []string {
			return []string{"CADIR=" + f.anchors("root.pem", f.Root.CertPEM()), "CAFILE=" + f.write("x", f.Other.CertPEM())}
		}},
		{"CADIR with any name", func(f *folder) []string { return []string{"CADIR=" + f.anchors("any name", f.Root.CertPEM())} }},
		{"CADIR DER", func(f *folder) []string { return []string{"CADIR=" + f.anchors("root.der", f.Root.DER())} }},
		{"CADIR .0 of another, .1 of ours", func(f *folder) []string {
			dir := f.anchors("01234567.1", f.Root.CertPEM())
			pki.WriteFile(f.t, dir, "01234567.0", f.Other.CertPEM())
			return []string{"CADIR=" + dir}
		}},
		{"CADIR with garbage beside", func(f *folder) []string {
			dir := f.anchors("m", f.Root.CertPEM())
			pki.WriteFile(f.t, dir, "a", []byte("garbage"))
			pki.WriteFile(f.t, dir, "z", []byte("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"))
			return []string{"CADIR=" + dir}
		}},
		{"CADIR a file of several", func(f *folder) []string {
			return []string{"CADIR=" + f.anchors("all.pem", append(f.Other.CertPEM(), f.Root.CertPEM()...))}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env, dir := material(t)
			f := &folder{t, dir, pki.New(t)}
			x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-y"}, env: override(env, c.env(f))})
			conn := handshake(t, x.peer, tls12, withCert(f.Client(pki.P256)))
			a := x.stage.app()
			if _, ok := a.lookup("SSL_PEER_CERT_HASH"); !ok {
				t.Error("the client's certificate is not reported")
			}
			x.finish(a, conn)
		})
	}
}

// anchors makes a directory with one file.
func (f *folder) anchors(name string, data []byte) string {
	dir := f.sub("anchors")
	pki.WriteFile(f.t, dir, name, data)
	return dir
}

// A line at -v2 for each file of CADIR that is passed over.
func TestGarbageInCADIRIsNoted(t *testing.T) {
	chainOnly(t, "what it says about files it says once, when it starts")
	t.Parallel()
	env, dir := material(t)
	f := &folder{t, dir, pki.New(t)}
	anchors := f.anchors("root.pem", f.Root.CertPEM())
	garbage := pki.WriteFile(t, anchors, "README", []byte("text\n"))
	x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-v2", "-y"}, env: override(env, []string{"CADIR=" + anchors})})
	c := handshake(t, x.peer, tls12, withCert(f.Client(pki.P256)))
	x.stage.app().exit(0)
	c.Close()
	if out := x.stderr(); !strings.HasPrefix(out, "s6-tlsd-io: info: CADIR: "+garbage+": no certificate in it, passed over\n") {
		t.Errorf("stderr %q", out)
	}
}

// Which pair is served for which name.
func TestServerNames(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	def, foo, wild, rsa := p.Server(pki.P256), p.Server(pki.P384), p.Server(pki.P521), p.Server(pki.RSA2048)
	for _, c := range []struct {
		args, ask string
		want      *pki.Cert // nil: refused
	}{
		{"", "foo.example.com", def}, {"-k0", "foo.example.com", def}, {"-k 0 --sni", "foo.example.com", def}, {"--mandatory-sni -k 0", "unknown.example", def},
		{"-k1", "foo.example.com", foo}, {"--sni", "FOO.Example.COM", foo}, {"-k1", "a.example.net", wild}, {"-k1", "rsa.example.com", rsa},
		{"-k1", "dotted.example", rsa},
		{"-k1", "a.b.example.net", def}, {"-k1", "example.net", def}, {"-k1", "unknown.example", def}, {"-k1", "", def}, {"-k1", "example.com", def},
		{"-k2", "foo.example.com", foo}, {"--mandatory-sni", "a.example.net", wild}, {"-k3", "rsa.example.com", rsa},
		{"-k2", "a.b.example.net", nil}, {"-k2", "example.net", nil}, {"-k 4294967295", "unknown.example", nil}, {"-k2", "localhost", nil}, {"-k2", "", nil},
	} {
		for _, v := range versions {
			t.Run(c.args+" "+c.ask+" "+v.name, func(t *testing.T) {
				t.Parallel()
				env, dir := material(t)
				for name, cert := range map[string]*pki.Cert{"foo.example.com": foo, "*.example.net": wild, "rsa.example.com": rsa, "*.com": foo, "Dotted.Example.": rsa} {
					chain, key := cert.WriteFiles(t, dir, strings.Trim(name, "*."))
					env = append(env, "CERTFILE:"+name+"="+chain, "KEYFILE:"+name+"="+key)
				}
				s := spec{program: "s6-tlsd", args: strings.Fields(c.args), env: env}
				if c.want != nil {
					shown(t, s, c.want, askFor(c.ask), v.tweak)
					return
				}
				x := serveWith(t, s)
				if alert := hello(askFor(c.ask), v.tweak)(t, x.peer); alert != "unrecognized_name" {
					t.Errorf("alert %q", alert)
				}
				x.peer.Close()
				x.expect(98, "s6-tlsd-io: fatal: handshake failed: no certificate for the server name that the client asked for (sent alert unrecognized_name)")
			})
		}
	}
	t.Run("-k2 without a default pair", func(t *testing.T) {
		t.Parallel()
		env, dir := material(t)
		env = override(env, []string{"CERTFILE", "KEYFILE", "CERTFILE:x.example=" + dir + "/server.pem", "KEYFILE:x.example=" + dir + "/server.key"})
		shown(t, spec{program: "s6-tlsd", args: []string{"-k2"}, env: env}, def, askFor("x.example"))
	})
	t.Run("no name after the colon", func(t *testing.T) {
		t.Parallel()
		env, _ := material(t)
		shown(t, spec{program: "s6-tlsd", args: []string{"-k1"}, env: append(env, "KEYFILE:=/none", "CERTFILE:=/none")}, def)
	})
}

// More pairs than the soft limit on open files has room for.
func TestMorePairsThanOpenFiles(t *testing.T) {
	t.Parallel()
	env, dir := material(t)
	for i := range 40 {
		name := "n" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".example"
		env = append(env, "CERTFILE:"+name+"="+dir+"/server.pem", "KEYFILE:"+name+"="+dir+"/server.key")
	}
	peer, sock := network(t)
	p := start(t, spec{program: "/bin/sh", args: []string{"-c", `ulimit -Sn 32; exec "$0" -k1 -- sh -c 'ulimit -Sn; sleep 0'`, bin + "/s6-tlsd"}, env: env,
		files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
	c := handshake(t, peer, askFor("nba.example"))
	expectPeer(t, c, "32\n", false) // prog has its limit back
	c.Close()
	p.expect(0, "")
}
