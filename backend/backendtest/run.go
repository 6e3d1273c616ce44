// Package backendtest is the contract of package backend as tests. Every
// backend must pass all of it; the peer is crypto/tls of the standard
// library, or the backend itself.
package backendtest

import (
	"crypto/fips140"
	"reflect"
	"slices"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

// Run tests b against every clause of the contract.
func Run(t *testing.T, b backend.Backend) { suite{Backend: b, pki: pki.New(t)}.all(t) }

// RunWithoutTickets is Run for a backend that refuses ticket keys.
func RunWithoutTickets(t *testing.T, b backend.Backend) {
	s := suite{Backend: b, pki: pki.New(t)}
	s.all(t, "tickets", "ticket-purpose", "ticket-peer", "ticket-age")
	t.Run("no-tickets", s.noTickets)
}

// RunFork is Run for a client on a fork of crypto/tls as it was in Go 1.24,
// which has two ways of its own after a handshake of TLS 1.3: user_canceled
// ends the session, and a message that can't be parsed passes for a bad record.
func RunFork(t *testing.T, b backend.Backend) { suite{b, pki.New(t), true}.all(t) }

// RunComparable is Run without the floods, which each library ends at a limit
// of its own and in its own words, and without what runs in a process of its own.
func RunComparable(t *testing.T, b backend.Backend) {
	suite{Backend: b, pki: pki.New(t)}.all(t, "floods", "fips")
}

func (s suite) all(t *testing.T, but ...string) {
	for _, sc := range scenarios {
		if !slices.Contains(but, sc.name) {
			t.Run(sc.name, func(t *testing.T) { sc.run(s, t) })
		}
	}
}

// inFIPS: the peers have, and so has a backend on crypto/tls, neither TLS 1.1 nor
// the ciphers and groups that FIPS 140-3 does not know.
var inFIPS = fips140.Enabled()

type suite struct {
	backend.Backend
	pki  *pki.PKI
	fork bool // see RunFork
}

// forked reports whether the Conn of x is the fork's.
func (s suite) forked(x *session) bool { return s.fork && x.hello()[0] != clientHello }

// malformed is what a message is called that x can't parse.
func (s suite) malformed(x *session) backend.Reason {
	if s.forked(x) {
		return backend.BadRecord
	}
	return backend.BadMessage
}

// scenarios is filled below, not here: the walk over the fields reads it.
var scenarios []scenario

type scenario struct {
	name string
	run  func(suite, *testing.T)
}

func init() {
	scenarios = []scenario{
		{"info", suite.info},
		{"fields", suite.fields},
		{"config", suite.config},
		{"fips", suite.fips},
		{"byte-by-byte", suite.byteByByte},
		{"random-splits", suite.randomSplits},
		{"blocked-output", suite.blockedOutput},
		{"stall", suite.stall},
		{"close", suite.closeAnywhere},
		{"against-itself", suite.againstItself},
		{"shared-endpoint", suite.sharedEndpoint},
		{"versions", suite.versions},
		{"ciphers", suite.ciphers},
		{"groups", suite.groups},
		{"keys", suite.keyTypes},
		{"guard", suite.guard},
		{"fingerprint", suite.fingerprint},
		{"alpn", suite.alpn},
		{"sni", suite.sni},
		{"anchors", suite.anchors},
		{"client-cert", suite.clientCert},
		{"name", suite.names},
		{"no-verify", suite.noVerify},
		{"crl", suite.crls},
		{"constraints", suite.constraints},
		{"clock", suite.clock},
		{"keylog", suite.keyLog},
		{"tickets", suite.tickets},
		{"ticket-purpose", suite.ticketPurpose},
		{"ticket-peer", suite.ticketPeer},
		{"ticket-age", suite.ticketAge},
		{"server-failures", suite.serverFailures},
		{"client-failures", suite.clientFailures},
		{"sha1-signatures", suite.sha1Signatures},
		{"not-tls", suite.notTLS},
		{"peer-closes", suite.peerCloses},
		{"peer-refuses", suite.peerRefuses},
		{"late-refusal", suite.lateRefusal},
		{"close-notify", suite.closeNotify},
		{"bare-fin", suite.bareFIN},
		{"cut-record", suite.cutRecord},
		{"transfer", suite.transfer},
		{"tiny-writes", suite.tinyWrites},
		{"bad-record", suite.badRecord},
		{"peer-alert", suite.peerAlert},
		{"key-update", suite.keyUpdate},
		{"post-handshake", suite.postHandshake},
		{"renegotiation", suite.renegotiation},
		{"pairs", suite.pairs},
		{"floods", suite.floods},
		{"allocations", suite.allocations},
	}
}

// covered names the scenario that shows what a field of the configuration
// does.
var covered = map[string]string{
	"Common.MinVersion": "versions", "Common.MaxVersion": "versions",
	"Common.ALPN": "alpn", "Common.Anchors": "anchors", "Common.CRLs": "crl",
	"Common.KeyLog": "keylog", "Common.Time": "clock", "Common.RequireFIPS": "fips",
	"ServerConfig.Keys": "sni", "ServerConfig.Default": "sni", "ServerConfig.Pairs": "pairs", "ServerConfig.Client": "client-cert",
	"ServerConfig.TicketKeys": "tickets",
	"ClientConfig.ServerName": "name", "ClientConfig.NoVerifyCert": "no-verify", "ClientConfig.Keys": "client-cert", "ClientConfig.Fingerprint": "fingerprint",
	"KeyPair.Chain": "config", "KeyPair.Key": "config", "KeyPair.Guard": "guard", "KeyPair.CertName": "config", "KeyPair.KeyName": "config",
}

// fields fails for a field that somebody added and nobody tests: a backend
// that does not know it would ignore it silently.
func (suite) fields(t *testing.T) {
	names := map[string]bool{}
	for _, sc := range scenarios {
		names[sc.name] = true
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[backend.Common](), reflect.TypeFor[backend.ServerConfig](),
		reflect.TypeFor[backend.ClientConfig](), reflect.TypeFor[backend.KeyPair]()} {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if name := typ.Name() + "." + f.Name; !f.Anonymous && !names[covered[name]] {
				t.Errorf("no scenario for %s", name)
			}
		}
	}
}

func (s suite) info(t *testing.T) {
	if i := s.Info(); i.Name == "" || i.Library == "" || i.FIPS == "" {
		t.Errorf("%+v", i)
	}
}
