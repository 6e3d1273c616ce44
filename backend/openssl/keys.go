//go:build openssl && cgo

package openssl

// #include "layer.h"
// static STACK_OF(X509) *chain_new(void) { return sk_X509_new_null(); }
// static int chain_push(STACK_OF(X509) *s, X509 *c) { return sk_X509_push(s, c) > 0; }
// static void chain_free(STACK_OF(X509) *s) { sk_X509_pop_free(s, X509_free); }
import "C"

import (
	"errors"

	"ucspitls/backend"
)

// present checks everything about a pair that can be wrong, and uses it for
// one connection or, where that is nil, for all.
func (e *endpoint) present(p *backend.KeyPair, c *conn) error {
	if len(p.Chain) == 0 {
		return badPair(p.CertName, backend.BadCertificate, nil)
	}
	var f C.ucspi_failure
	var leaf *C.X509
	others := C.chain_new()
	defer func() { C.X509_free(leaf); C.chain_free(others) }()
	for i, der := range p.Chain {
		x := C.ucspi_parse_certificate(bytesOf(der), C.size_t(len(der)), &f)
		switch {
		case x == nil:
			return badPair(p.CertName, backend.BadCertificate, &f)
		case i == 0:
			leaf = x
		case C.chain_push(others, x) == 0:
			C.X509_free(x)
			return setup("no memory")
		}
	}
	fips := library().fipsMode()
	if r := unusable(C.ucspi_key_fault(C.X509_get0_pubkey(leaf), fips)); r != "" {
		return badPair(p.CertName, r, nil)
	}
	key, err := parseKey(p, fips)
	if err != nil {
		return err
	}
	defer C.EVP_PKEY_free(key) // wipes it when nobody has it any more
	if C.ucspi_match(leaf, key) == 0 {
		return badPair(p.KeyName, backend.KeyMismatch, nil)
	}
	var connection *C.ucspi_conn
	if c != nil {
		connection = c.c
	}
	if C.ucspi_use_pair(e.c, connection, leaf, others, key, &f) == 0 {
		return badPair(p.CertName, backend.BadCertificate, &f)
	}
	if c != nil {
		c.guard = p.Guard
	} else {
		e.guard = p.Guard
	}
	return nil
}

// parseKey gives a pair's key, or one that stands for it where a guard has it.
func parseKey(p *backend.KeyPair, fips C.int) (*C.EVP_PKEY, error) {
	if p.Guard == nil {
		return privateKey(p.KeyName, p.Key, fips)
	}
	der, err := p.Guard.Public()
	if err != nil {
		return nil, err
	}
	var f C.ucspi_failure
	key := C.ucspi_guarded_key(bytesOf(der), C.size_t(len(der)), &f)
	if key == nil {
		return nil, badPair(p.KeyName, backend.BadKey, &f)
	}
	return key, nil
}

// privateKey reads a key that TLS can use, for the caller to free.
func privateKey(name string, der []byte, fips C.int) (*C.EVP_PKEY, error) {
	var f C.ucspi_failure
	key := C.ucspi_parse_key(bytesOf(der), C.size_t(len(der)), &f)
	if key == nil {
		return nil, badPair(name, backend.BadKey, &f)
	}
	r := unusable(C.ucspi_key_fault(key, fips))
	if r == "" && C.ucspi_pairwise(key) == 0 {
		r = backend.KeyMismatch
	}
	if r != "" {
		C.EVP_PKEY_free(key)
		return nil, badPair(name, r, nil)
	}
	return key, nil
}

// badPair is the error for a key or a certificate.
func badPair(where string, r backend.Reason, f *C.ucspi_failure) error {
	err := &backend.Error{Kind: backend.Config, Where: where, Reason: r}
	if f != nil {
		err.Err = errors.New(words(f))
	}
	return err
}

func unusable(f C.enum_ucspi_key_fault) backend.Reason {
	switch f {
	case C.UCSPI_KEY_GOOD:
		return ""
	case C.UCSPI_KEY_SHORT:
		return backend.KeyTooShort
	}
	return backend.KeyUnsupported
}
