//go:build openssl && cgo

package openssl

// #cgo CFLAGS: -std=gnu11 -Wall -Wextra -O2 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
// #cgo LDFLAGS: -lssl -lcrypto
// #cgo linux LDFLAGS: -Wl,--wrap=pthread_create
// #cgo linux LDFLAGS: -Wl,-z,relro,-z,now
// #include "layer.h"
import "C"

import (
	"errors"
	"os"
	"sync"

	"ucspitls/backend"
)

type implementation struct{}

// Backend is OpenSSL. The library is started at its first use, which reads
// the site's OpenSSL configuration and TLS_FIPS.
var Backend backend.Backend = implementation{}

func (implementation) Info() backend.Info {
	return backend.Info{Name: "openssl", Library: "OpenSSL " + C.GoString(C.OpenSSL_version(C.OPENSSL_VERSION_STRING)), FIPS: library().fips}
}

// FIPSError tells why the FIPS provider that TLS_FIPS=require asks for is not
// in force; nil if it is, or nobody asks.
func (implementation) FIPSError() error { return library().fipsErr }

type libraryState struct {
	err     error  // it could not be started
	fips    string // the provider and its version, or "off"
	fipsErr error
}

// library starts OpenSSL. What it finds holds for the whole process.
var library = sync.OnceValue(func() libraryState {
	s := libraryState{fips: "off"}
	var f C.ucspi_failure
	if C.ucspi_start(&f) == 0 {
		s.err = errors.New(words(&f))
		return s
	}
	required := os.Getenv("TLS_FIPS") == "require"
	if required && C.ucspi_require_fips(&f) == 0 {
		s.fipsErr = errors.New("the FIPS provider can't be loaded: " + words(&f))
		return s
	}
	var name [80]C.char
	if C.ucspi_fips(&name[0], C.size_t(len(name))) == 1 {
		s.fips = C.GoString(&name[0])
	} else if required {
		s.fipsErr = errors.New("the FIPS provider was loaded but is not in force")
	}
	return s
})

// ready is asked before an endpoint is made: where FIPS mode is required and
// can't be had there are no endpoints.
func (s libraryState) ready() error {
	switch {
	case s.err != nil:
		return &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: s.err}
	case s.fipsErr != nil:
		return &backend.Error{Kind: backend.Config, Where: "TLS_FIPS=require", Reason: backend.Reason(s.fipsErr.Error())}
	}
	return nil
}

// fipsMode as C wants it.
func (s libraryState) fipsMode() C.int {
	if s.fips == "off" {
		return 0
	}
	return 1
}

func words(f *C.ucspi_failure) string { return C.GoString(&f.words[0]) }
