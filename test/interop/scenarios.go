package main

import "fmt"

// A scenario is a set of conditions with a name.
type scenario struct {
	Name       string `json:"name"`
	Conditions string `json:"conditions"`
	About      string `json:"about"`
	peerAsks   bool   // only where a peer is the client
}

// base is run by every pair of server and client, in both versions.
var base = []scenario{
	{Name: "plain", Conditions: "", About: "one line each way, the client ends first"},
	{Name: "server-ends", Conditions: "first=server", About: "the server ends first, ours without close_notify"},
	{Name: "notify", Conditions: "flags=S", About: "ours ends with close_notify"},
	{Name: "bare-fin", Conditions: "flags=J end=fin", About: "the peer ends without close_notify, and ours insists on one"},
	{Name: "large", Conditions: "size=large flags=S", About: "256 KiB each way"},
	{Name: "cert-good", Conditions: "cert=good", About: "the server wants a client certificate and gets a good one"},
	{Name: "cert-missing", Conditions: "cert=missing", About: "the server wants a client certificate, the client has none"},
	{Name: "cert-unknown-ca", Conditions: "cert=unknown-ca", About: "the client's certificate is from somebody else's CA"},
	{Name: "name-wrong", Conditions: "trust=wrong-name", About: "the server's certificate is for another name"},
	{Name: "ca-unknown", Conditions: "trust=unknown-ca", About: "the server's certificate is from somebody else's CA"},
	{Name: "alpn", Conditions: "alpn=match", About: "both know http/1.1"},
	{Name: "version-other", Conditions: "floor=other", About: "the server takes only the other version"},
}

// faults need no second version: they take turns.
var faults = []scenario{
	{Name: "cert-expired", Conditions: "cert=expired", About: "the client's certificate has expired"},
	{Name: "cert-wrong-use", Conditions: "cert=wrong-use", About: "the client's certificate is a server's"},
	{Name: "server-expired", Conditions: "trust=expired", About: "the server's certificate has expired"},
	{Name: "server-wrong-use", Conditions: "trust=wrong-use", About: "the server's certificate is a client's"},
	{Name: "name-unknown", Conditions: "sni=unknown", About: "the client asks for a name that a server under -k 2 does not have"},
	{Name: "alpn-mismatch", Conditions: "alpn=mismatch", About: "no application protocol in common"},
	{Name: "resume", Conditions: "session=resume", About: "a client would resume its first connection; without ticket keys it has another full handshake"},
	{Name: "curve-unknown", Conditions: "key=p384 group=x25519", About: "TLS 1.2: the client does not have the curve of the server's key (RFC 8422, 5.3)", peerAsks: true},
	{Name: "tickets-1.2", Conditions: "session=tickets version=1.2 flags=S", About: "the second connection resumes the first, with another process of ours that has the ticket keys"},
	{Name: "tickets-1.3", Conditions: "session=tickets version=1.3 flags=S", About: "the same"},
	{Name: "tickets-cert", Conditions: "session=tickets version=1.2 cert=good flags=S", About: "the same; the client's certificate is known, and verified, without being sent"},
}

// certModes are the values of cert; badCerts those that must be refused.
var (
	certModes = []string{"", "asked", "good", "missing", "unknown-ca", "expired", "wrong-use"}
	badCerts  = []string{"missing", "unknown-ca", "expired", "wrong-use"}
)

// A dimension is a condition and the values that the covering array mixes.
// All of them let the session come about.
type dimension struct {
	name   string
	values []string
}

var dimensions = []dimension{
	{"key", []string{"", "p384", "p521", "ed25519", "rsa"}},
	{"flags", []string{"", "S", "J", "SJ"}},
	{"group", []string{"", "x25519", "p256", "p384"}},
	{"cert", []string{"", "asked", "good"}},
	{"sni", []string{"", "off", "pair"}},
	{"version", []string{"1.2", "1.3"}},
	{"alpn", []string{"", "match"}},
	{"first", []string{"", "server"}},
	{"end", []string{"", "fin"}},
	{"entry", []string{"", "delayed"}},
	{"size", []string{"", "large"}},
}

// mixes is the covering array as scenarios: every pair of values of every
// two dimensions stands in one of them at least.
func mixes() []scenario {
	var all []scenario
	for i, row := range cover(dimensions) {
		s := scenario{Name: fmt.Sprintf("mix-%02d", i+1), About: "a row of the covering array"}
		for d, v := range row {
			if value := dimensions[d].values[v]; value != "" {
				s.Conditions += " " + dimensions[d].name + "=" + value
			}
		}
		all = append(all, s)
	}
	return all
}
