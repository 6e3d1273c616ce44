package main

import "fmt"

// A scenario is a set of conditions with a name.
type scenario struct {
	Name       string `json:"name"`
	Conditions string `json:"conditions"`
	About      string `json:"about"`
}

// base is run by every pair of server and client, in both versions.
var base = []scenario{
	{"plain", "", "one line each way, the client ends first"},
	{"server-ends", "first=server", "the server ends first, ours without close_notify"},
	{"notify", "flags=S", "ours ends with close_notify"},
	{"bare-fin", "flags=J end=fin", "the peer ends without close_notify, and ours insists on one"},
	{"large", "size=large flags=S", "256 KiB each way"},
	{"cert-good", "cert=good", "the server wants a client certificate and gets a good one"},
	{"cert-missing", "cert=missing", "the server wants a client certificate, the client has none"},
	{"cert-unknown-ca", "cert=unknown-ca", "the client's certificate is from somebody else's CA"},
	{"name-wrong", "trust=wrong-name", "the server's certificate is for another name"},
	{"ca-unknown", "trust=unknown-ca", "the server's certificate is from somebody else's CA"},
	{"alpn", "alpn=match", "both know http/1.1"},
	{"version-other", "floor=other", "the server takes only the other version"},
}

// faults need no second version: they take turns.
var faults = []scenario{
	{"cert-expired", "cert=expired", "the client's certificate has expired"},
	{"cert-wrong-use", "cert=wrong-use", "the client's certificate is a server's"},
	{"server-expired", "trust=expired", "the server's certificate has expired"},
	{"server-wrong-use", "trust=wrong-use", "the server's certificate is a client's"},
	{"name-unknown", "sni=unknown", "the client asks for a name that a server under -k 2 does not have"},
	{"alpn-mismatch", "alpn=mismatch", "no application protocol in common"},
	{"resume", "session=resume", "a client would resume its first connection; without ticket keys it has another full handshake"},
	{"curve-unknown", "key=p384 group=x25519", "TLS 1.2: the client does not have the curve of the server's key (RFC 8422, 5.1)"},
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
