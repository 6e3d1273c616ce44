//go:build linux

package soak

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// An environment is a build and what its servers are started with. A new way
// to run the tools is a line here.
type environment struct {
	name    string
	backend string   // whose folder below build/
	env     []string // besides the certificates
	shared  bool     // servers hand over to an s6-tlsd-iod
}

var environments = []environment{
	{"gotls", "gotls", nil, false},
	{"openssl", "openssl", nil, false},
	{"utls", "utls", nil, false},
	{"utls as chrome", "utls", []string{"TLS_FINGERPRINT=chrome"}, false},
	{"gotls, TLS 1.2", "gotls", []string{"TLS_MAX_VERSION=1.2"}, false},
	{"openssl, TLS 1.2", "openssl", []string{"TLS_MAX_VERSION=1.2"}, false},
	{"gotls, no sandbox", "gotls", []string{"TLS_IDLE_TIMEOUT=20000", "TLS_SANDBOX=off"}, false},
	{"gotls, shared", "gotls", nil, true},
	{"openssl, shared", "openssl", nil, true},
}

// The ways to be a server and a client.
var (
	servers = []string{"s6-tlsd", "s6-ucspitlsd", "s6-tlsserver", "s6-tlsserver --delayed"}
	clients = []string{"crypto/tls", "crypto/tls", "s6-tlsc", "s6-ucspitlsc", "s6-tlsclient"}
)

// A fault of a session.
type fault string

const (
	none       fault = "none"
	cutFault   fault = "cut by a FIN"
	resetFault fault = "reset"
	flipFault  fault = "a flipped bit"
	slowFault  fault = "single bytes and delays"
	killIO     fault = "-io killed"
	killProg   fault = "prog killed"
	exitEarly  fault = "prog exits early"
	garbage    fault = "no TLS at all"
)

var faults = []fault{cutFault, resetFault, flipFault, killIO, killProg, exitEarly, garbage}

// What a server's prog does.
const (
	actNormal = iota
	actExit   // in the middle of what it says
	actKill   // the same, by SIGKILL
)

// A plan is a session as it is meant to go. It follows from the seed.
type plan struct {
	n           uint64
	env, cenv   *environment // the server's, the client's
	server      string
	client      string
	up, down    int // bytes to the server, to the client
	strict      bool
	fault       fault
	at          int  // where in the stream, or when in ms
	toServer    bool // which direction
	serverFlags []string
	clientFlags []string
}

func makePlan(seed, n uint64, envs []*environment) *plan {
	r := rand.New(rand.NewPCG(seed, n))
	size := func() int {
		switch r.IntN(10) {
		case 0:
			return 0
		case 1:
			return 1
		case 2:
			return r.IntN(4 << 20)
		case 3, 4, 5:
			return r.IntN(200_000)
		}
		return r.IntN(5000)
	}
	p := &plan{n: n, env: envs[r.IntN(len(envs))], cenv: envs[r.IntN(len(envs))], server: servers[r.IntN(len(servers))], client: clients[r.IntN(len(clients))],
		up: size(), down: size(), strict: r.IntN(2) == 0, fault: none, toServer: r.IntN(2) == 0}
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		p.fault = faults[r.IntN(len(faults))]
		p.at = r.IntN(2000 + p.up + p.down)
		if r.IntN(2) == 0 {
			p.at = r.IntN(5000)
		}
	case 4:
		p.fault = slowFault
		p.up, p.down = min(p.up, 3000), min(p.down, 3000)
	}
	p.serverFlags, p.clientFlags = []string{"-s", "-j"}, []string{"-s", "-j"}
	if p.strict {
		p.serverFlags, p.clientFlags = []string{"-S", "-J"}, []string{"-S", "-J"}
	}
	p.serverFlags = append(p.serverFlags, "-v2", "-K", "15000")
	p.clientFlags = append(p.clientFlags, "-K", "15000", "-k", "localhost")
	if p.client != "s6-tlsclient" { // whose -v has no argument
		p.clientFlags = append(p.clientFlags, "-v2")
	}
	return p
}

func (p *plan) String() string {
	return fmt.Sprintf("session %d: %s of %s, client %s of %s, %d up, %d down, %v, %s at %d (to the server %v)",
		p.n, p.server, p.env.name, p.client, p.cenv.name, p.up, p.down, p.serverFlags[:2], p.fault, p.at, p.toServer)
}

// harmless reports whether everything must arrive.
func (p *plan) harmless() bool { return p.fault == none || p.fault == slowFault }

// direct reports whether the server is started by us and not by an s6-tlsserver.
func (p *plan) direct() bool { return p.server == "s6-tlsd" || p.server == "s6-ucspitlsd" }

// A header is what a client says first: what is to come.
type header struct {
	up, down uint32
	id       uint64
	act      byte
}

const headerSize = 20

var magic = [3]byte{'s', 'o', 'k'}

func (h header) bytes() []byte {
	b := append([]byte(nil), magic[:]...)
	b = append(b, h.act)
	b = binary.BigEndian.AppendUint32(b, h.up)
	b = binary.BigEndian.AppendUint32(b, h.down)
	return binary.BigEndian.AppendUint64(b, h.id)
}

func parseHeader(b []byte) (h header, ok bool) {
	return header{binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint64(b[12:]), b[3]}, [3]byte(b[:3]) == magic
}

func (p *plan) header() header {
	h := header{uint32(p.up), uint32(p.down), p.n, actNormal}
	switch p.fault {
	case exitEarly:
		h.act = actExit
	case killProg:
		h.act = actKill
	}
	return h
}

// fill makes the bytes of session id and direction from an offset on: none is
// like the ones near it, nor like those of another session.
func fill(b []byte, id uint64, down bool, at int) {
	key := id * 0x9e3779b97f4a7c15
	if down {
		key ^= 0xd1b54a32d192ed03
	}
	for i := range b {
		x := key + uint64(at+i)*0xbf58476d1ce4e5b9
		b[i] = byte(x >> 56)
	}
}
