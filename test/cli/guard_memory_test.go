//go:build linux

package cli

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// A secret is one form that a private key, or a part of it, has in memory.
type secret struct {
	name  string
	bytes []byte
}

// secretsOf lists the forms. Of a number, which libraries keep as bytes from
// the high end or as machine words from the low one, 24 bytes out of the
// middle are looked for, so that a copy whose ends are gone still counts.
func secretsOf(key crypto.Signer, pkcs8 []byte) []secret {
	var list []secret
	add := func(name string, b []byte) {
		if len(b) > 24 {
			b = b[(len(b)-24)/2:][:24]
		}
		list = append(list, secret{name, b})
	}
	number := func(name string, n *big.Int) {
		high := n.Bytes()
		add(name+", high end first", high)
		low := slices.Clone(high)
		slices.Reverse(low)
		add(name+", low end first", low)
	}
	// What stands in the file in front of the key, and its beginning: a copy of
	// the whole, while libraries have one of its inside.
	whole := func(inside []byte) {
		i := bytes.Index(pkcs8, inside)
		list = append(list, secret{"DER", pkcs8[i-12 : i+8]})
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		number("d", new(big.Int).SetBytes(d))
		whole(d)
	case *rsa.PrivateKey:
		k.Precompute()
		number("d", k.D)
		number("p", k.Primes[0])
		number("q", k.Primes[1])
		number("dp", k.Precomputed.Dp)
		number("dq", k.Precomputed.Dq)
		number("qinv", k.Precomputed.Qinv)
	case ed25519.PrivateKey:
		add("seed", k.Seed())
		whole(k.Seed())
		h := sha512.Sum512(k.Seed())
		h[0] &= 248
		h[31] = h[31]&63 | 64
		add("scalar", h[:32])
		add("prefix", h[32:])
	}
	// The text of the file: of each line that is all secret, which the first
	// and, with a public key at the end, the last ones are not.
	text := base64.StdEncoding.EncodeToString(pkcs8)
	for i := 64; i+64 <= len(text)*2/3; i += 64 {
		list = append(list, secret{fmt.Sprint("PEM from ", i), []byte(text[i : i+64])})
	}
	if len(text) < 192 { // ECDSA P-256, Ed25519: one line and a half
		list = append(list, secret{"PEM", []byte(text[48:64])})
	}
	return list
}

// copies counts them in all memory of a process, by name.
func copies(t *testing.T, pid int, secrets []secret) map[string]int {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	found, read := map[string]int{}, 0
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var rights string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); n != 3 || rights[0] != 'r' || strings.HasSuffix(lines.Text(), "[vvar]") || strings.HasSuffix(lines.Text(), "[vsyscall]") || strings.HasSuffix(lines.Text(), "[vvar_vclock]") {
			continue
		}
		data := make([]byte, to-from)
		n, err := mem.ReadAt(data, from)
		if n == 0 && err != nil {
			t.Logf("%s: %v", lines.Text(), err)
			continue
		}
		read += n
		for _, s := range secrets {
			found[s.name] += bytes.Count(data[:n], s.bytes)
		}
	}
	if read < 1<<20 {
		t.Fatalf("only %d bytes of %d could be read", read, pid)
	}
	return found
}

func total(found map[string]int) (n int) {
	for _, k := range found {
		n += k
	}
	return n
}

// describe lists what was found of each form.
func describe(found map[string]int) string {
	var list []string
	for name, n := range found {
		if n > 0 {
			list = append(list, fmt.Sprintf("%s %d", name, n))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

// TestCopiesOfTheKey looks for the private key in the memory of the process
// that talks to the network: before the ClientHello, when the handshake is
// held up by the peer, and in the tunnel. With a guard there is none at any
// time; without one the log has the figures. What was read of the file, text
// and DER, is ours to wipe in any case.
func TestCopiesOfTheKey(t *testing.T) {
	chainOnly(t, "a worker and its guard have a test of their own")
	need.Root(t)
	t.Parallel()
	for _, k := range []pki.KeyType{pki.P256, pki.Ed25519, pki.RSA2048} {
		for _, guarded := range []bool{false, true} {
			for _, v := range versions {
				t.Run(fmt.Sprintf("%s %s guard=%v", k, v.name, guarded), func(t *testing.T) {
					t.Parallel()
					env, dir := material(t)
					c := pki.New(t).Server(k)
					cert, key := c.WriteFiles(t, dir, "searched")
					env = override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key, "TLS_UID=65534", "TLS_GID=65534"})
					if guarded {
						env = append(env, keyGuard)
					}
					secrets := secretsOf(c.Key, c.KeyPKCS8())
					x := serveWith(t, spec{program: "s6-tlsd", env: env})
					io := child(t, x.pid, "s6-tlsd-io")
					look := func(when string) {
						t.Helper()
						found := copies(t, io, secrets)
						t.Logf("%s: %d copies: %s", when, total(found), describe(found))
						if guarded && total(found) > 0 {
							t.Errorf("%s: the key is in the process that talks to the network", when)
						}
						for name, n := range found {
							if n > 0 && (name == "DER" || strings.HasPrefix(name, "PEM")) {
								t.Errorf("%s: what was read of the file is not wiped: %s", when, name)
							}
						}
						for n, link := range descriptors(io) {
							if strings.HasSuffix(link, ".key") && (guarded || when != "before the ClientHello") {
								t.Errorf("%s: descriptor %d is %s", when, n, link)
							}
						}
					}
					waitForNetwork(t, io)
					if guarded {
						// So that it is known what a find looks like.
						found := copies(t, guardOf(t, io), secrets)
						t.Logf("in the guard: %d copies: %s", total(found), describe(found))
						if total(found) == 0 {
							t.Error("no copy in the guard either: the search finds nothing")
						}
					}
					look("before the ClientHello")
					held, hold := make(chan struct{}), make(chan struct{})
					x.peer.tamper(func(n int, record []byte) ([]byte, bool) {
						if n == 1 {
							close(held)
							<-hold
						}
						return record, false
					})
					conn := client(t, x.peer, v.tweak)
					done := make(chan error, 1)
					go func() { done <- conn.Handshake() }()
					await(t, held, "the server's first flight")
					if guarded {
						alone(t, io)
					}
					look("in the handshake")
					close(hold)
					if err := <-done; err != nil {
						t.Fatal(err)
					}
					a := x.stage.app()
					echo(t, a, conn)
					look("in the tunnel")
					x.finish(a, conn)
				})
			}
		}
	}
}
