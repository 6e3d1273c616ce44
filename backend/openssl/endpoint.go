//go:build openssl && cgo

package openssl

// #include "layer.h"
import "C"

import (
	"errors"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"ucspitls/backend"
)

// What C has to have as a number of its own is the contract's; else this does
// not compile.
var (
	_ = [1]struct{}{}[C.UCSPI_MIN_RSA-backend.MinRSA]
	_ = [1]struct{}{}[C.UCSPI_TICKET_LIFETIME-backend.TicketLifetime/time.Second]
)

type endpoint struct {
	c      *C.ucspi_endpoint
	common backend.Common
	sni    string                // client: what is sent
	server *backend.ServerConfig // nil for a client
	guard  backend.Signer        // has the key of the default pair, if it is not nil
	pairs  map[*backend.KeyPair]*loaded
}

func (implementation) NewServer(c *backend.ServerConfig) (backend.Endpoint, error) {
	cfg := *c
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	e, err := newEndpoint(&cfg.Common, true)
	if err != nil {
		return nil, err
	}
	e.server = &cfg
	if cfg.Client != backend.CertNone {
		mode := C.int(C.SSL_VERIFY_PEER)
		if cfg.Client == backend.CertMandatory {
			mode |= C.SSL_VERIFY_FAIL_IF_NO_PEER_CERT
		}
		names, err := e.verify(mode)
		if err != nil {
			return nil, err
		}
		if names <= backend.MaxAnchorNames && C.ucspi_name_anchors(e.c) == 0 {
			return nil, &backend.Error{Kind: backend.Config, Reason: backend.BadAnchor}
		}
	}
	if cfg.Default != nil {
		if err := e.present(cfg.Default, nil); err != nil {
			return nil, err
		}
	}
	if len(cfg.TicketKeys) > 0 && C.ucspi_use_tickets(e.c) == 0 {
		return nil, &backend.Error{Kind: backend.Config, Reason: backend.NoTickets}
	}
	e.pairs = make(map[*backend.KeyPair]*loaded, len(cfg.Pairs))
	for _, p := range cfg.Pairs {
		l, err := load(p)
		if err != nil {
			return nil, err
		}
		e.pairs[p] = l
		runtime.AddCleanup(e, (*loaded).free, l)
	}
	return e, e.finish()
}

func (implementation) NewClient(c *backend.ClientConfig) (backend.Endpoint, error) {
	cfg := *c
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	e, err := newEndpoint(&cfg.Common, false)
	if err != nil {
		return nil, err
	}
	e.sni = cfg.SNI()
	if !cfg.NoVerifyCert {
		if _, err := e.verify(C.SSL_VERIFY_PEER); err != nil {
			return nil, err
		}
		if err := e.expect(cfg.ServerName); err != nil {
			return nil, err
		}
	}
	if cfg.Keys != nil {
		if err := e.present(cfg.Keys, nil); err != nil {
			return nil, err
		}
	}
	return e, e.finish()
}

func newEndpoint(common *backend.Common, server bool) (*endpoint, error) {
	lib := library(common.RequireFIPS)
	if err := lib.ready(); err != nil {
		return nil, err
	}
	var side C.int
	if server {
		side = 1
	}
	var f C.ucspi_failure
	e := &endpoint{common: *common}
	e.c = C.ucspi_endpoint_new(side, C.int(common.MinVersion), C.int(common.MaxVersion), lib.fipsMode(), &f)
	if e.c == nil {
		return nil, setup(words(&f))
	}
	runtime.AddCleanup(e, func(c *C.ucspi_endpoint) { C.ucspi_endpoint_free(c) }, e.c)
	return e, nil
}

// finish sets what is left.
func (e *endpoint) finish() error {
	if list := protocols(e.common.ALPN); len(list) > 0 && C.ucspi_set_alpn(e.c, bytesOf(list), C.size_t(len(list))) == 0 {
		return setup("no memory")
	}
	var keylog C.int
	if e.common.KeyLog != nil {
		keylog = 1
	}
	C.ucspi_watch(e.c, keylog)
	return nil
}

// verify takes the anchors and CRLs, and gives the length of all the anchors'
// names. Nothing of an anchor but its subject is looked at, so that a
// system's whole bundle costs next to nothing.
func (e *endpoint) verify(mode C.int) (names int, err error) {
	for _, der := range e.common.Anchors {
		from, to, ok := subject(der)
		if !ok {
			return 0, &backend.Error{Kind: backend.Config, Reason: backend.BadAnchor}
		}
		if C.ucspi_add_anchor(e.c, bytesOf(der), C.size_t(len(der)), C.size_t(from), C.size_t(to-from)) == 0 {
			return 0, setup("no memory")
		}
		names += 2 + to - from
	}
	for _, der := range e.common.CRLs {
		switch C.ucspi_add_crl(e.c, bytesOf(der), C.size_t(len(der))) {
		case C.UCSPI_CRL_BAD:
			return 0, &backend.Error{Kind: backend.Config, Reason: backend.BadCRL}
		case C.UCSPI_CRL_UNSUPPORTED:
			return 0, &backend.Error{Kind: backend.Config, Reason: backend.CRLUnsupported}
		}
	}
	C.ucspi_set_verify(e.c, mode)
	return names, nil
}

// expect sets the name or the address that the server's certificate must hold.
func (e *endpoint) expect(name string) error {
	if name == "" {
		return nil
	}
	var ip []byte
	if a, err := netip.ParseAddr(name); err == nil {
		ip = a.Unmap().AsSlice()
	}
	host := C.CString(e.sni)
	defer C.free(unsafe.Pointer(host))
	if C.ucspi_set_host(e.c, host, bytesOf(ip), C.size_t(len(ip))) == 0 {
		return setup("no memory")
	}
	return nil
}

// subject finds where the subject of a certificate (RFC 5280, 4.1) lies.
func subject(der []byte) (from, to int, ok bool) {
	input := cryptobyte.String(der)
	var cert, tbs, name cryptobyte.String
	if !input.ReadASN1(&cert, asn1.SEQUENCE) || !input.Empty() ||
		!cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || // version
		!tbs.SkipASN1(asn1.INTEGER) || // serial
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.SkipASN1(asn1.SEQUENCE) || // issuer
		!tbs.SkipASN1(asn1.SEQUENCE) || // validity
		!tbs.ReadASN1Element(&name, asn1.SEQUENCE) {
		return 0, 0, false
	}
	to = cap(der) - cap(name) + len(name)
	return to - len(name), to, true
}

// protocols is the list as it stands on the wire (RFC 7301, 3.1).
func protocols(alpn []string) (list []byte) {
	for _, p := range alpn {
		list = append(append(list, byte(len(p))), p...)
	}
	return list
}

func setup(words string) error {
	return &backend.Error{Kind: backend.Setup, Reason: backend.InternalError, Err: errors.New(words)}
}

func bytesOf(b []byte) *C.uchar { return (*C.uchar)(unsafe.SliceData(b)) }
