//go:build linux

package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
)

// A hostage is a guard whose other side is the test: what can somebody do who
// has taken over an -io? The bytes are those that internal/guard documents.
type hostage struct {
	*process
	t    *testing.T
	conn *os.File
}

func takeGuard(t *testing.T, program, level string, env []string) *hostage {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.SetNonblock(pair[0], true) // so that there are deadlines
	ours := os.NewFile(uintptr(pair[0]), "ours")
	ours.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { ours.Close() })
	x := start(t, spec{
		program: program, name: program + ": key guard of", args: []string{strconv.Itoa(os.Getpid()), level},
		env: append(env, keyGuard), files: map[int]*os.File{0: os.NewFile(uintptr(pair[1]), "its"), 1: devNull(t)},
	})
	return &hostage{x, t, ours}
}

func (h *hostage) ask(op byte, pair uint32, version, scheme uint16, message []byte) {
	h.t.Helper()
	b := []byte{op, 0, 0, 0}
	b = binary.BigEndian.AppendUint32(b, pair)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint16(b, scheme)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	h.conn.Write(append(b, message...)) // it may be gone
}

func (h *hostage) answer() (code int, body []byte) {
	h.t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(h.conn, head[:]); err != nil {
		h.t.Fatalf("no answer: %v", err)
	}
	body = make([]byte, binary.BigEndian.Uint32(head[4:]))
	if _, err := io.ReadFull(h.conn, body); err != nil {
		h.t.Fatal(err)
	}
	return int(head[0]), body
}

// silent: not one more byte comes, and the guard ends with a line.
func (h *hostage) silent(line string) {
	h.t.Helper()
	if b, err := io.ReadAll(h.conn); len(b) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		h.t.Errorf("%d more bytes: %q, %v", len(b), b, err)
	}
	h.expect(97, "s6-tlsd-io: fatal: key guard: refused: "+line)
}

var toBeSigned13 = slices.Concat([]byte(strings.Repeat(" ", 64)+"TLS 1.3, server CertificateVerify\x00"), make([]byte, 32))

const (
	pkcs1SHA256 = 0x0401
	ecdsaSHA256 = 0x0403
	ecdsaSHA384 = 0x0503
	pssSHA256   = 0x0804
)

// Whoever has an -io gets one signature for a handshake that he could have
// had anyway, and nothing else out of its guard.
func TestKeyGuardIsNoOracle(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("a certificate, say"))
	client13 := []byte(strings.Replace(string(toBeSigned13), "server", "client", 1))
	params12 := slices.Concat(make([]byte, 64), []byte{3, 0, 29, 32}, make([]byte, 32))
	const form = "a signature of something else than a TLS handshake"
	const malformed = "a malformed request"
	const unfit = "a signature that does not fit the key was asked for"
	for _, c := range []struct {
		name string
		key  pki.KeyType
		ask  func(*hostage)
		line string
	}{
		{"a digest", pki.RSA2048, func(h *hostage) { h.ask('s', 0, 0x0304, pssSHA256, digest[:]) }, form},
		{"a digest for TLS 1.2", pki.RSA2048, func(h *hostage) { h.ask('s', 0, 0x0303, pkcs1SHA256, digest[:]) }, form},
		{"a client's message", pki.P256, func(h *hostage) { h.ask('s', 0, 0x0304, ecdsaSHA256, client13) }, form},
		{"the other version's", pki.P256, func(h *hostage) { h.ask('s', 0, 0x0303, ecdsaSHA256, toBeSigned13) }, form},
		{"PKCS#1 v1.5 in TLS 1.3", pki.RSA2048, func(h *hostage) { h.ask('s', 0, 0x0304, pkcs1SHA256, toBeSigned13) }, "a signature scheme that this version of TLS does not have"},
		{"SHA-1", pki.RSA2048, func(h *hostage) { h.ask('s', 0, 0x0303, 0x0201, params12) }, "a signature scheme that this version of TLS does not have"},
		{"another curve in TLS 1.3", pki.P256, func(h *hostage) { h.ask('s', 0, 0x0304, ecdsaSHA384, toBeSigned13) }, unfit},
		{"another type", pki.P256, func(h *hostage) { h.ask('s', 0, 0x0304, pssSHA256, toBeSigned13) }, unfit},
		{"TLS 1.1", pki.P256, func(h *hostage) { h.ask('s', 0, 0x0302, ecdsaSHA256, params12) }, malformed},
		{"a huge message", pki.P256, func(h *hostage) { h.ask('s', 0, 0x0304, ecdsaSHA256, make([]byte, 1<<21)) }, malformed},
		{"something else", pki.P256, func(h *hostage) { h.conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")) }, malformed},
		{"a pair that is not there", pki.P256, func(h *hostage) { h.ask('u', 1, 0, 0, nil) }, "a pair that does not exist was asked for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env, dir := material(t)
			cert, key := pki.New(t).Server(c.key).WriteFiles(t, dir, "held")
			h := takeGuard(t, "s6-tlsd-io", "0", override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key}))
			if code, _ := h.answer(); code != 0 {
				t.Fatalf("code %d", code)
			}
			c.ask(h)
			h.silent(c.line)
		})
	}
	t.Run("one signature and no second one", func(t *testing.T) {
		t.Parallel()
		env, _ := material(t)
		h := takeGuard(t, "s6-tlsd-io", "0", env)
		code, der := h.answer()
		public, err := x509.ParsePKIXPublicKey(der)
		if code != 0 || err != nil || !pki.New(t).Server(pki.P256).X509.PublicKey.(*ecdsa.PublicKey).Equal(public) {
			t.Fatalf("%d, %v", code, err)
		}
		h.ask('s', 0, 0x0304, ecdsaSHA256, toBeSigned13)
		h.ask('s', 0, 0x0304, ecdsaSHA256, toBeSigned13)
		code, signature := h.answer()
		sum := sha256.Sum256(toBeSigned13)
		if code != 0 || !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], signature) {
			t.Errorf("code %d, signature %x", code, signature)
		}
		if b, _ := io.ReadAll(h.conn); len(b) > 0 {
			t.Errorf("%d more bytes", len(b))
		}
		h.expect(0, "")
	})
	t.Run("TLS 1.2", func(t *testing.T) {
		t.Parallel()
		env, dir := material(t)
		cert, key := pki.New(t).Server(pki.RSA2048).WriteFiles(t, dir, "held")
		h := takeGuard(t, "s6-tlsd-io", "0", override(env, []string{"CERTFILE=" + cert, "KEYFILE=" + key}))
		h.answer()
		h.ask('s', 0, 0x0303, pkcs1SHA256, params12)
		_, signature := h.answer()
		sum := sha256.Sum256(params12)
		if err := rsa.VerifyPKCS1v15(pki.New(t).Server(pki.RSA2048).X509.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
			t.Error(err)
		}
		h.expect(0, "")
	})
	t.Run("TLS 1.2 where it is not allowed", func(t *testing.T) {
		t.Parallel()
		env, _ := material(t)
		h := takeGuard(t, "s6-tlsd-io", "0", append(env, "TLS_MIN_VERSION=1.3"))
		h.answer()
		h.ask('s', 0, 0x0303, ecdsaSHA256, params12)
		h.silent("a signature for a TLS version that is not allowed")
	})
	t.Run("a second name", func(t *testing.T) {
		t.Parallel()
		env, dir := material(t)
		env = named(t, env, dir, "a.example", pki.New(t).Server(pki.P384))
		env = named(t, env, dir, "b.example", pki.New(t).Server(pki.P384))
		for _, second := range []uint32{0, 2} {
			h := takeGuard(t, "s6-tlsd-io", "1", env)
			h.answer()
			h.ask('u', 1, 0, 0, nil)
			if code, _ := h.answer(); code != 0 {
				t.Errorf("code %d", code)
			}
			h.ask('s', second, 0x0304, ecdsaSHA256, toBeSigned13)
			h.silent("another pair than the one in use was asked for")
		}
	})
	// It leaves when nobody is there, whatever the state it is in.
	for _, state := range []string{"", "u", "half a request"} {
		t.Run("end of the socket "+state, func(t *testing.T) {
			t.Parallel()
			env, _ := material(t)
			h := takeGuard(t, "s6-tlsd-io", "0", env)
			h.answer()
			switch state {
			case "u":
				h.ask('u', 0, 0, 0, nil)
				h.answer()
			case "half a request":
				h.conn.Write([]byte("s\x00\x00"))
			}
			h.conn.Close()
			h.expect(0, "")
		})
	}
	t.Run("a bad key", func(t *testing.T) {
		t.Parallel()
		env, _ := material(t)
		h := takeGuard(t, "s6-tlsd-io", "0", override(env, []string{"KEYFILE=/nonexistent"}))
		if code, line := h.answer(); code != 96 || string(line) != "KEYFILE: open /nonexistent: no such file or directory" {
			t.Errorf("%d %q", code, line)
		}
		h.expect(96, "")
	})
	t.Run("by hand", func(t *testing.T) {
		t.Parallel()
		env, _ := material(t)
		start(t, spec{program: "s6-tlsd-io", name: "s6-tlsd-io: key guard of", args: []string{"1", "0"}, env: env, files: map[int]*os.File{0: devNull(t), 1: devNull(t)}}).
			expect(100, "s6-tlsd-io: fatal: the key guard is not to be started by hand")
	})
}
