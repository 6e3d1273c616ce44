//go:build openssl && cgo

package openssl

// #include "layer.h"
// typedef STACK_OF(X509) STACK_OF_X509;
// static STACK_OF_X509 *chain_new(void) { return sk_X509_new_null(); }
// static int chain_push(STACK_OF_X509 *s, X509 *c) { return sk_X509_push(s, c) > 0; }
// static void chain_free(STACK_OF_X509 *s) { sk_X509_pop_free(s, X509_free); }
import "C"

import (
	"errors"

	"ucspitls/backend"
)

// present checks a pair, and uses it for one connection or, where that is nil, for all.
func (e *endpoint) present(p *backend.KeyPair, c *conn) error {
	l, err := load(p)
	if err != nil {
		return err
	}
	defer l.free()
	return l.use(e, c)
}

// A loaded pair is OpenSSL's form of one.
type loaded struct {
	name   string // of the certificate
	leaf   *C.X509
	others *C.STACK_OF_X509
	key    *C.EVP_PKEY    // the key, or what stands for it
	guard  backend.Signer // has the key, if it is not nil
}

// free wipes the key when nobody else has it any more.
func (l *loaded) free() {
	C.X509_free(l.leaf)
	C.chain_free(l.others)
	C.EVP_PKEY_free(l.key)
}

// load checks everything about a pair that can be wrong.
func load(p *backend.KeyPair) (_ *loaded, err error) {
	if len(p.Chain) == 0 {
		return nil, badPair(p.CertName, backend.BadCertificate, nil)
	}
	var f C.ucspi_failure
	l := &loaded{name: p.CertName, others: C.chain_new(), guard: p.Guard}
	defer func() {
		if err != nil {
			l.free()
		}
	}()
	for i, der := range p.Chain {
		x := C.ucspi_parse_certificate(bytesOf(der), C.size_t(len(der)), &f)
		switch {
		case x == nil:
			return nil, badPair(p.CertName, backend.BadCertificate, &f)
		case i == 0:
			l.leaf = x
		case C.chain_push(l.others, x) == 0:
			C.X509_free(x)
			return nil, setup("no memory")
		}
	}
	fips := library(false).fipsMode()
	if r := unusable(C.ucspi_key_fault(C.X509_get0_pubkey(l.leaf), fips)); r != "" {
		return nil, badPair(p.CertName, r, nil)
	}
	if l.key, err = parseKey(p, fips); err != nil {
		return nil, err
	}
	if C.ucspi_match(l.leaf, l.key) == 0 {
		return nil, badPair(p.KeyName, backend.KeyMismatch, nil)
	}
	return l, nil
}

// use presents the pair on one connection or, where that is nil, on all.
func (l *loaded) use(e *endpoint, c *conn) error {
	var connection *C.ucspi_conn
	if c != nil {
		connection = c.c
	}
	var f C.ucspi_failure
	if C.ucspi_use_pair(e.c, connection, l.leaf, l.others, l.key, &f) == 0 {
		return badPair(l.name, backend.BadCertificate, &f)
	}
	if c != nil {
		c.guard = l.guard
	} else {
		e.guard = l.guard
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
