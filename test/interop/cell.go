package main

import (
	"slices"
	"strings"
)

// A Cell is one session: who talks to whom, and under which conditions. The
// empty value of a condition is its usual one.
type Cell struct {
	Server   string `json:"server"` // a backend or a peer
	Client   string `json:"client"`
	Version  string `json:"version"`           // the only one that the client offers: "1.2", "1.3"
	Scenario string `json:"scenario"`          // its name; mix-NN for a row of the covering array
	Key      string `json:"key,omitempty"`     // of the server: p384, p521, ed25519, rsa; usual: p256
	Group    string `json:"group,omitempty"`   // the only one that the peer has: x25519, p256, p384
	Cert     string `json:"cert,omitempty"`    // the client's certificate, see certModes
	Trust    string `json:"trust,omitempty"`   // what is wrong with the server's certificate
	SNI      string `json:"sni,omitempty"`     // off, pair, unknown; usual: the default pair's name
	ALPN     string `json:"alpn,omitempty"`    // match, mismatch; usual: none
	Flags    string `json:"flags,omitempty"`   // of our tools: S, J, SJ; usual: neither
	First    string `json:"first,omitempty"`   // who ends first: server; usual: client
	End      string `json:"end,omitempty"`     // fin: the peer ends without close_notify
	Entry    string `json:"entry,omitempty"`   // delayed: s6-ucspitls*; usual: s6-tls*
	Size     string `json:"size,omitempty"`    // large: 256 KiB each way; usual: one line
	Floor    string `json:"floor,omitempty"`   // other: the server takes only the other version
	Session  string `json:"session,omitempty"` // a second connection tries to resume the first. resume: without ticket keys; tickets: with them
}

// A field is a name of a Cell's member, in ONLY, in the list of differences
// and in the report.
type field struct {
	name string
	at   func(*Cell) *string
}

var fields = []field{
	{"server", func(c *Cell) *string { return &c.Server }},
	{"client", func(c *Cell) *string { return &c.Client }},
	{"version", func(c *Cell) *string { return &c.Version }},
	{"scenario", func(c *Cell) *string { return &c.Scenario }},
	{"key", func(c *Cell) *string { return &c.Key }},
	{"group", func(c *Cell) *string { return &c.Group }},
	{"cert", func(c *Cell) *string { return &c.Cert }},
	{"trust", func(c *Cell) *string { return &c.Trust }},
	{"sni", func(c *Cell) *string { return &c.SNI }},
	{"alpn", func(c *Cell) *string { return &c.ALPN }},
	{"flags", func(c *Cell) *string { return &c.Flags }},
	{"first", func(c *Cell) *string { return &c.First }},
	{"end", func(c *Cell) *string { return &c.End }},
	{"entry", func(c *Cell) *string { return &c.Entry }},
	{"size", func(c *Cell) *string { return &c.Size }},
	{"floor", func(c *Cell) *string { return &c.Floor }},
	{"session", func(c *Cell) *string { return &c.Session }},
}

func fieldNamed(name string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// set changes conditions: "key=rsa flags=SJ".
func (c Cell) set(conditions string) Cell {
	for _, word := range strings.Fields(conditions) {
		name, value, _ := strings.Cut(word, "=")
		f, ok := fieldNamed(name)
		if !ok {
			panic("interop: no such condition: " + word)
		}
		*f.at(&c) = value
	}
	return c
}

// Conditions is what is not as usual: "key=rsa flags=SJ".
func (c *Cell) Conditions() string {
	var words []string
	for _, f := range fields[4:] {
		if v := *f.at(c); v != "" {
			words = append(words, f.name+"="+v)
		}
	}
	return strings.Join(words, " ")
}

// ID names a cell in the baseline.
func (c *Cell) ID() string {
	return c.Client + " > " + c.Server + " " + c.Version + " " + c.Scenario
}

// ends reports whether side, "server" or "client", ends first.
func (c *Cell) ends(side string) bool { return (c.First == "server") == (side == "server") }

// bytes is how much goes each way.
func (c *Cell) bytes() int {
	if c.Size == "large" {
		return 256 << 10
	}
	return lineLength
}

// clash reports whether the server's key is on a curve that is not in the
// group list: under TLS 1.2 that list is about keys too.
func (c *Cell) clash() bool {
	return isBackend(c.Server) && c.Version == "1.2" && c.Group != "" && c.curve() != "" && c.curve() != c.Group
}

// curve is that of the server's key, "" for none.
func (c *Cell) curve() string {
	return map[string]string{"": "p256", "p384": "p384", "p521": "p521"}[c.Key]
}

// refuses says which side must refuse the session, and why; "", "" when it
// must come about.
func (c *Cell) refuses() (side, why string) {
	switch {
	case c.Floor != "":
		return "server", "no version in common"
	case c.clash():
		return "server", "the client does not have the curve of the server's key"
	case c.SNI == "unknown":
		return "server", "unknown server name"
	case c.ALPN == "mismatch":
		return "server", "no protocol in common"
	case c.Trust != "":
		return "client", "server certificate: " + c.Trust
	case slices.Contains(badCerts, c.Cert):
		return "server", "client certificate: " + c.Cert
	}
	return "", ""
}
