package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// A peer is a program of somebody else, as one or both sides.
type peer struct {
	name    string   // in ONLY and in the report
	title   string   // for people
	pkg     string   // the Debian package
	needs   []string // programs
	version []string // command that says its version
	pick    string   // regular expression for it
	prepare func(*lab) error
	server  *adapter
	client  *adapter
}

// An adapter is how a peer is used on one side.
type adapter struct {
	// cannot names the conditions that this program has no switch for.
	cannot  []string
	command func(l *lab, c *Cell, at place) (argv, env []string)
	talk    talk
	// endless: it has no end of its own, we stop it.
	endless bool
	// patterns find in its output what was negotiated.
	protocol, cipher, group, alpn *regexp.Regexp
	// alert finds the alert that it sent or got, by name or by number.
	alert *regexp.Regexp
}

// A place is where a program works.
type place struct {
	port  int // where a server listens, where a client connects to
	app   int // of a tcp adapter: the cleartext side
	round int // 1, or 2 for the second connection of session=resume
}

// talk is how the conversation reaches a program.
type talk int

const (
	stdio  talk = iota // on its stdin and stdout
	script             // it is a script of ours that has it by itself and prints a JSON line
	tcp                // over a second connection, in the clear
	echo               // it sends back what it gets, and does not end first
	http               // a request, and the answer on its stdout
)

// peers are all of them, in the order of the report.
var peers = []*peer{opensslPeer, gnutlsPeer, curlPeer, pythonPeer, nodePeer, javaPeer, socatPeer, stunnelPeer}

func (p *peer) side(role string) *adapter {
	if role == "server" {
		return p.server
	}
	return p.client
}

// can is what stands in the way of a condition: "" for nothing. A word of
// cannot is NAME or NAME=VALUE.
func (a *adapter) can(c *Cell) string {
	for _, word := range a.cannot {
		name, value, exact := strings.Cut(word, "=")
		f, ok := fieldNamed(name)
		if !ok {
			panic("interop: no such condition: " + word)
		}
		if have := *f.at(c); have != "" && (!exact || have == value) {
			return word
		}
	}
	return ""
}

// find looks for a peer's programs and asks one for its version.
func (p *peer) find() (version string, err error) {
	for _, name := range p.needs {
		if _, err := exec.LookPath(name); err != nil {
			return "", fmt.Errorf("%s is missing: apt-get install %s", name, p.pkg)
		}
	}
	out, err := exec.Command(p.version[0], p.version[1:]...).CombinedOutput()
	if m := regexp.MustCompile(p.pick).FindSubmatch(out); m != nil {
		return string(m[1]), nil
	}
	return "", fmt.Errorf("%s does not say its version: %v", p.version[0], err)
}

// numberedAlerts finds an alert where programs give its number.
var numberedAlerts = regexp.MustCompile(`(?:alert number |Received alert \[|SSL alert number )(\d+)`)

// groupWords maps what programs call a group.
var groupWords = map[string]string{
	"x25519": "X25519", "secp256r1": "P-256", "prime256v1": "P-256", "p-256": "P-256", "secp384r1": "P-384", "p-384": "P-384",
	"secp521r1": "P-521", "p-521": "P-521", "ecdh_x25519": "X25519", "": "",
}

func groupWord(s string) string {
	s, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(s, "ECDH, "), "ECDHE-"), ",")
	s = strings.TrimSpace(s)
	if g, ok := groupWords[strings.ToLower(s)]; ok {
		return g
	}
	return s
}

func find1(re *regexp.Regexp, text string) string {
	if re == nil {
		return ""
	}
	m := re.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// atPort is the address of a port.
func atPort(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func peerNamed(name string) *peer {
	for _, p := range peers {
		if p.name == name {
			return p
		}
	}
	panic(fmt.Sprintf("interop: no peer %s", name))
}
