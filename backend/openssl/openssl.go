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
	"sync"

	"ucspitls/backend"
)

type implementation struct{}

// Backend is OpenSSL. The library is started at its first use, which reads
// the site's OpenSSL configuration.
var Backend backend.Backend = implementation{}

func (implementation) Info() backend.Info {
	return backend.Info{Name: "openssl", Library: "OpenSSL " + C.GoString(C.OpenSSL_version(C.OPENSSL_VERSION_STRING)), FIPS: library(false).fips}
}

// libraryState is what holds for the whole process.
type libraryState struct {
	err     error          // it could not be started
	fips    string         // the provider and its version, or "off"
	fipsErr *backend.Error // why the FIPS provider that is required is not in force
}

var process struct {
	sync.Mutex
	started, requires bool
	libraryState
}

// library starts OpenSSL, and puts it into FIPS mode if that is required.
func library(requireFIPS bool) libraryState {
	p := &process
	p.Lock()
	defer p.Unlock()
	var f C.ucspi_failure
	if !p.started {
		p.started = true
		p.fips = "off"
		if C.ucspi_start(&f) == 0 {
			p.err = errors.New(words(&f))
		} else {
			p.look()
		}
	}
	if requireFIPS && !p.requires && p.err == nil {
		p.requires = true
		if C.ucspi_require_fips(&f) == 0 {
			p.fips, p.fipsErr = "off", noFIPS("the FIPS provider can't be loaded: "+words(&f))
		} else if p.look(); p.fips == "off" {
			p.fipsErr = noFIPS("the FIPS provider was loaded but is not in force")
		}
	}
	return p.libraryState
}

// look asks which FIPS provider is in force.
func (s *libraryState) look() {
	var name [80]C.char
	s.fips = "off"
	if C.ucspi_fips(&name[0], C.size_t(len(name))) == 1 {
		s.fips = C.GoString(&name[0])
	}
}

func noFIPS(why string) *backend.Error {
	return &backend.Error{Kind: backend.Config, Reason: backend.Reason(why)}
}

// ready is asked before an endpoint is made: where FIPS mode is required and
// can't be had there are no endpoints.
func (s libraryState) ready() error {
	switch {
	case s.err != nil:
		return &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: s.err}
	case s.fipsErr != nil:
		return s.fipsErr
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
