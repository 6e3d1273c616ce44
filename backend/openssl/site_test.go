//go:build openssl && cgo

package openssl

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// OpenSSL reads its configuration once a process, so what depends on it runs
// in a process of its own: the test binary again, with SITE_REPORT set.
func TestMain(m *testing.M) {
	if os.Getenv("SITE_REPORT") != "" {
		report()
		return
	}
	os.Exit(m.Run())
}

// requireFIPS is what SITE_REPORT has to be for FIPS mode to be required.
const requireFIPS = "FIPS"

// report prints what a server and a client of this process agree on.
func report() {
	t := &tb{}
	fips := backend.Common{RequireFIPS: os.Getenv("SITE_REPORT") == requireFIPS}
	_, err := Backend.NewClient(&backend.ClientConfig{Common: fips, NoVerifyCert: true})
	fmt.Println("FIPS:", Backend.Info().FIPS)
	fmt.Println("FIPS error:", err)
	p := pki.New(t)
	for _, k := range []pki.KeyType{pki.P256, pki.RSA2048, pki.Ed25519} {
		_, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(k).Pair()})
		fmt.Printf("%s key: %v\n", k, err)
	}
	server, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair()})
	if err != nil {
		e, _ := errors.AsType[*backend.Error](err)
		fmt.Printf("server: kind %d, %v (%v)\n", e.Kind, e, e.Err)
		return
	}
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		client, err := Backend.NewClient(&backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{Anchors: p.Anchors(), MaxVersion: v}})
		if err != nil {
			fmt.Printf("%x: %v (%v)\n", v, err, errors.Unwrap(err))
			continue
		}
		x := join(server, client)
		for range 6 {
			err = errors.Join(x.client.Handshake(), x.server.Handshake())
			x.move()
		}
		s := x.server.State()
		fmt.Printf("%x: %s %s %v\n", v, s.Cipher, s.Group, err)
	}
	keyed, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), TicketKeys: [][]byte{bytes.Repeat([]byte{1}, backend.TicketKeyLen)}})
	fmt.Println("tickets:", err)
	if err == nil {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			cfg := &tls.Config{ServerName: pki.Host, MaxVersion: v, ClientSessionCache: tls.NewLRUClientSessionCache(1), CurvePreferences: []tls.CurveID{tls.CurveP256}}
			for range 2 {
				s, err := meet(keyed, cfg)
				fmt.Printf("%x resumed: %v %v\n", v, s.Resumed, err)
			}
		}
	}
	fmt.Println("X25519:", stranger(server, &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}))
	fmt.Println("ChaCha20:", stranger(server, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}))
	fmt.Println("AES-GCM, P-256:", stranger(server, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}}))
}

// stranger is what a server says of a client of crypto/tls.
func stranger(e backend.Endpoint, cfg *tls.Config) error {
	_, err := meet(e, cfg)
	return err
}

// meet is stranger and what was negotiated. The server says a byte.
func meet(e backend.Endpoint, cfg *tls.Config) (backend.State, error) {
	cfg.InsecureSkipVerify = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return backend.State{}, err
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.SetDeadline(time.Now().Add(20 * time.Second))
			tls.Client(c, cfg).Read(make([]byte, 1))
			c.Close()
		}
	}()
	defer func() { <-done }()
	c, err := l.Accept()
	if err != nil {
		return backend.State{}, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	conn := e.NewConn(blocking{c})
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		return conn.State(), err
	}
	_, err = conn.Write([]byte("x"))
	return conn.State(), err
}

// tb is enough of a testing.TB for package pki.
type tb struct{ testing.TB }

func (*tb) Helper() {}

// site runs report with a configuration of OpenSSL's and variables.
func site(t *testing.T, config string, variables ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openssl.cnf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{"SITE_REPORT=1"}, variables...)...)
	cmd.Env = append(cmd.Env, "OPENSSL_CONF="+file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func shows(t *testing.T, report string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(report, want) {
			t.Errorf("no %q in\n%s", want, report)
		}
	}
}

const systemDefault = "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = site\n[site]\n"

// A site's configuration narrows ours and never widens it.
func TestSite(t *testing.T) {
	for _, c := range []struct {
		config string
		wants  []string
	}{
		{"", []string{"FIPS: off", "X25519: <nil>", "ChaCha20: <nil>", "303: ECDHE-ECDSA-AES128-GCM-SHA256 ", "304: TLS_AES_128_GCM_SHA256 "}},
		{"CipherString = ALL:@SECLEVEL=0\nMinProtocol = TLSv1\nOptions = UnsafeLegacyRenegotiation\n", []string{"303: ECDHE-ECDSA-AES128-GCM-SHA256 ", "304: TLS_AES_128_GCM_SHA256 "}},
		{"CipherString = AES256\nCiphersuites = TLS_CHACHA20_POLY1305_SHA256\n", []string{"303: ECDHE-ECDSA-AES256-GCM-SHA384 ", "304: TLS_CHACHA20_POLY1305_SHA256 "}},
		{"MinProtocol = TLSv1.3\n", []string{"303: the TLS library failed (no protocols available", "304: TLS_AES_128_GCM_SHA256 "}},
		{"MaxProtocol = TLSv1.2\n", []string{"304: ECDHE-ECDSA-AES128-GCM-SHA256 "}},
		{"CipherString = AES128-SHA\n", []string{"303: the TLS library failed (no protocols available", "304: TLS_AES_128_GCM_SHA256 "}},
		{"Groups = P-384:P-256\n", []string{"304: TLS_AES_128_GCM_SHA256 P-384 "}},
	} {
		shows(t, site(t, systemDefault+c.config), c.wants...)
	}
}
