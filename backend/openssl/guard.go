//go:build openssl && cgo

package openssl

// #include "layer.h"
import "C"

import (
	"errors"
	"runtime"
	"runtime/cgo"
	"unsafe"

	"ucspitls/backend"
)

// handshake goes on with it. Where a guard has the key OpenSSL calls back.
func (c *conn) handshake() C.enum_ucspi_outcome {
	if c.guard == nil {
		return C.ucspi_handshake(c.c)
	}
	self := cgo.NewHandle(c)
	defer self.Delete()
	c.c.self = C.uintptr_t(self)
	return C.ucspi_handshake_guarded(c.c)
}

//export ucspiGuardSign
func ucspiGuardSign(self C.uintptr_t, version, scheme C.int, message unsafe.Pointer, length C.size_t, out *C.uchar, room C.size_t) C.size_t {
	c := cgo.Handle(self).Value().(*conn)
	signature, err := c.guard.Sign(uint16(version), uint16(scheme), unsafe.Slice((*byte)(message), length))
	if err == nil && uint64(len(signature)) > uint64(room) {
		err = &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: errors.New("the signature is too long")}
	}
	if err != nil {
		c.ownErr = err
		return 0
	}
	return C.size_t(copy(unsafe.Slice((*byte)(out), len(signature)), signature))
}

// A held key is the guard's side of a KeyPair with a Guard.
type held struct {
	key    *C.EVP_PKEY
	public []byte
}

// HoldKey makes Backend a backend.KeyHolder.
func (implementation) HoldKey(name string, der []byte) (backend.Signer, error) {
	lib := library(false)
	if err := lib.ready(); err != nil {
		return nil, err
	}
	key, err := privateKey(name, der, lib.fipsMode())
	if err != nil {
		return nil, err
	}
	h := &held{key: key}
	runtime.AddCleanup(h, func(key *C.EVP_PKEY) { C.EVP_PKEY_free(key) }, key)
	var n C.size_t
	public := C.ucspi_public_key(key, &n)
	if public == nil {
		return nil, badPair(name, backend.KeyUnsupported, nil)
	}
	h.public = C.GoBytes(unsafe.Pointer(public), C.int(n))
	C.CRYPTO_free(unsafe.Pointer(public), nil, 0)
	return h, nil
}

func (h *held) Public() ([]byte, error) { return h.public, nil }

func (h *held) Sign(version, scheme uint16, message []byte) ([]byte, error) {
	hash, pss, ok := h.fits(version, scheme)
	if !ok {
		return nil, &backend.Error{Kind: backend.Setup, Reason: "a signature that does not fit the key was asked for"}
	}
	var f C.ucspi_failure
	var n C.size_t
	signature := C.ucspi_sign(h.key, hash, pss, bytesOf(message), C.size_t(len(message)), &n, &f)
	runtime.KeepAlive(h)
	if signature == nil {
		return nil, &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: errors.New(words(&f))}
	}
	defer C.CRYPTO_free(unsafe.Pointer(signature), nil, 0)
	return C.GoBytes(unsafe.Pointer(signature), C.int(n)), nil
}

// fits: TLS 1.3 has no PKCS#1 v1.5, and binds the hash of ECDSA to a curve.
func (h *held) fits(version, scheme uint16) (hash, pss C.int, ok bool) {
	bits := map[uint16]C.int{
		backend.PKCS1SHA256: 256, backend.PKCS1SHA384: 384, backend.PKCS1SHA512: 512,
		backend.PSSSHA256: 256, backend.PSSSHA384: 384, backend.PSSSHA512: 512,
		backend.ECDSASHA256: 256, backend.ECDSASHA384: 384, backend.ECDSASHA512: 512,
	}[scheme]
	switch C.EVP_PKEY_get_base_id(h.key) {
	case C.EVP_PKEY_ED25519:
		return 0, 0, scheme == backend.Ed25519
	case C.EVP_PKEY_RSA:
		if scheme>>8 == 8 {
			return bits, 1, bits != 0
		}
		return bits, 0, bits != 0 && scheme&0xff == 1 && version != backend.TLS13
	case C.EVP_PKEY_EC:
		curve := map[C.int]C.int{256: 256, 384: 384, 521: 512}[C.EVP_PKEY_get_bits(h.key)]
		return bits, 0, bits != 0 && scheme&0xff == 3 && (version != backend.TLS13 || bits == curve)
	}
	return 0, 0, false
}
