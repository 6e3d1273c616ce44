//go:build openssl && cgo && !asan

// The address sanitizer keeps freed memory on purpose, and looks for leaks itself.

package openssl

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// resident is the memory of this process in bytes: C's and Go's.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		need.Missing(t, "/proc", err.Error())
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// Thousands of sessions, good ones and bad ones, leave nothing behind.
func TestMemory(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	p := pki.New(t)
	named := p.Server(pki.P384).Pair()
	server, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), Client: backend.CertOptional,
		Common: backend.Common{Anchors: p.Anchors(), CRLs: p.CRLs(), ALPN: []string{"a"}, KeyLog: func([]byte) {}},
		Keys:   func(string) (*backend.KeyPair, error) { return named, nil }})
	if err != nil {
		t.Fatal(err)
	}
	strict, err := Backend.NewClient(&backend.ClientConfig{ServerName: "other.example", Common: backend.Common{Anchors: p.Anchors(), CRLs: p.CRLs()}})
	if err != nil {
		t.Fatal(err)
	}
	_, client := endpoints(t, 0)
	_, client12 := endpoints(t, backend.TLS12)
	buf := make([]byte, 100)
	round := func() {
		for _, c := range []backend.Endpoint{client, client12} {
			x := join(server, c)
			x.connect(t)
			x.client.Write([]byte("hello"))
			x.move()
			if n, err := x.server.Read(buf); n != 5 || err != nil {
				t.Fatal(n, err)
			}
			x.close()
		}
		x := join(server, strict) // refused
		for range 3 {
			x.client.Handshake()
			x.server.Handshake()
			x.move()
		}
		if x.client.Handshake() == nil {
			t.Fatal("a wrong name")
		}
		x.close()
		x = join(server, client) // given up
		x.client.Handshake()
		x.move()
		x.server.Handshake()
		x.close()
	}
	for range rounds / 5 {
		round()
	}
	before := resident(t)
	for range rounds {
		round()
	}
	if grown := resident(t) - before; grown > 2<<20 {
		t.Errorf("%d handshakes: memory grew by %d bytes", 3*rounds, grown)
	} else {
		t.Logf("%d handshakes: memory grew by %d bytes", 3*rounds, grown)
	}
}

// An endpoint that nobody has any more is freed, as after a reload.
func TestEndpointsAreFreed(t *testing.T) {
	p := pki.New(t)
	make := func() {
		for range 100 {
			if _, err := Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), Client: backend.CertOptional,
				Common: backend.Common{Anchors: p.Anchors(), CRLs: p.CRLs()}}); err != nil {
				t.Fatal(err)
			}
			Backend.NewServer(&backend.ServerConfig{Default: p.BadServer(pki.Weak).Pair()})
		}
		runtime.GC()
	}
	for range 5 {
		make()
	}
	// What is freed is freed later, on a busy machine much later: a leak grows each time.
	grown := 0
	for range 4 {
		before := resident(t)
		for range 10 {
			make()
		}
		if grown = int(resident(t) - before); grown <= 4<<20 {
			t.Logf("1000 endpoints: memory grew by %d bytes", grown)
			return
		}
	}
	t.Errorf("1000 endpoints: memory grew by %d bytes", grown)
}
