package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// The peers that are libraries of a language: a script of ours has the
// conversation and prints a JSON line about it.

//go:embed scripts
var scripts embed.FS

// A scriptPlan is what a script is to do.
type scriptPlan struct {
	Server  bool   `json:"server"`
	Port    int    `json:"port"`
	Version string `json:"version"` // the only one; "" for all
	Cert    string `json:"cert"`
	Key     string `json:"key"`
	CA      string `json:"ca"`
	Name    string `json:"name"`
	ALPN    string `json:"alpn"`
	Asks    bool   `json:"asks"`
	Insists bool   `json:"insists"`
	Group   string `json:"group"`
	First   bool   `json:"first"`
	Fin     bool   `json:"fin"`
	Bytes   int    `json:"bytes"`
	Request string `json:"request"`
	Rounds  int    `json:"rounds"`
}

// A scriptReport is what it says.
type scriptReport struct {
	Protocol, Cipher, Group, ALPN string
	Resumed                       bool
	In                            Count
	End, Error                    string
}

func planFor(l *lab, c *Cell, role string, port int) scriptPlan {
	p := scriptPlan{Server: role == "server", Port: port, CA: l.ca(), First: c.ends(role), Fin: c.End == "fin", Bytes: c.bytes(), Rounds: 1}
	if p.Server {
		id := l.server(c)
		p.Version, p.Cert, p.Key, p.ALPN = c.serverVersion(), id.cert, id.key, c.takes()
		p.Asks, p.Insists = c.wantsCert()
		return p
	}
	p.Version, p.Name, p.ALPN, p.Request = c.Version, c.name(), c.offers(), l.request(c)
	if id, ok := l.client(c); ok {
		p.Cert, p.Key = id.cert, id.key
	}
	if c.Session != "" {
		p.Rounds = 2
	}
	return p
}

func scriptFile(l *lab, name string) (string, error) {
	data, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		return "", err
	}
	return l.file(name), os.WriteFile(l.file(name), data, 0o600)
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values
	}
	return string(b)
}

// opensslText is how libraries on OpenSSL name an alert in their errors.
var opensslText = regexp.MustCompile(`(?:SSL_ALERT_|(?:tlsv1|tlsv13|sslv3) alert |tlsv1 |tlsv13 alert )([a-z_ A-Z]+)`)

var pythonPeer = &peer{
	name: "python", title: "Python ssl", pkg: "python3", needs: []string{"python3"},
	version: []string{"python3", "-c", `import ssl,sys;print("is",sys.version.split()[0],"on",ssl.OPENSSL_VERSION)`}, pick: `is (\S+ on OpenSSL \S+)`,
	prepare: func(l *lab) error {
		if _, err := scriptFile(l, "peer.py"); err != nil {
			return err
		}
		out, err := exec.Command("python3", "-c", "import sys;print(sys.executable)").Output()
		l.python = strings.TrimSpace(string(out)) // python3 itself may be a wrapper that costs time
		return err
	},
	server: &adapter{command: pythonFor("server"), talk: script, cannot: []string{"group=x25519", "sni=pair", "sni=unknown", "session", "alpn=mismatch"}, alert: opensslText},
	client: &adapter{command: pythonFor("client"), talk: script, cannot: []string{"group=x25519"}, alert: opensslText},
}

func pythonFor(role string) func(*lab, *Cell, place) (argv, env []string) {
	return func(l *lab, c *Cell, at place) (argv, env []string) {
		p := planFor(l, c, role, at.port)
		p.Group = map[string]string{"p256": "prime256v1", "p384": "secp384r1"}[c.Group]
		return []string{l.python, "-I", "-S", l.file("peer.py"), asJSON(p)}, nil
	}
}

var nodePeer = &peer{
	name: "node", title: "Node.js", pkg: "nodejs", needs: []string{"node"},
	version: []string{"node", "-p", `"is " + process.version.slice(1) + " on OpenSSL " + process.versions.openssl`}, pick: `is (\S+ on OpenSSL \S+)`,
	prepare: func(l *lab) error { _, err := scriptFile(l, "peer.js"); return err },
	server:  &adapter{command: nodeFor("server"), talk: script, cannot: []string{"end", "sni=pair", "sni=unknown", "session"}, alert: opensslText},
	client:  &adapter{command: nodeFor("client"), talk: script, cannot: []string{"end"}, alert: opensslText},
}

func nodeFor(role string) func(*lab, *Cell, place) (argv, env []string) {
	return func(l *lab, c *Cell, at place) (argv, env []string) {
		p := planFor(l, c, role, at.port)
		p.Group = opensslGroups[c.Group]
		return []string{"node", l.file("peer.js"), asJSON(p)}, nil
	}
}

var javaPeer = &peer{
	name: "java", title: "Java JSSE", pkg: "default-jdk-headless", needs: []string{"java", "javac"},
	version: []string{"java", "-version"}, pick: `version "([^"]+)"`,
	prepare: func(l *lab) error {
		file, err := scriptFile(l, "Peer.java")
		if err != nil {
			return err
		}
		if out, err := exec.Command("javac", "-d", l.dir, file).CombinedOutput(); err != nil {
			return fmt.Errorf("javac: %v: %s", err, out)
		}
		return nil
	},
	server: &adapter{command: javaFor("server"), talk: script, cannot: []string{"sni=pair", "sni=unknown", "session"}, alert: javaAlert},
	client: &adapter{command: javaFor("client"), talk: script, alert: javaAlert},
}

var javaAlert = regexp.MustCompile(`Received fatal alert: ([a-z_]+)`)

func javaFor(role string) func(*lab, *Cell, place) (argv, env []string) {
	return func(l *lab, c *Cell, at place) (argv, env []string) {
		p := planFor(l, c, role, at.port)
		argv = []string{"java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m", "-cp", l.dir}
		if g := map[string]string{"x25519": "x25519", "p256": "secp256r1", "p384": "secp384r1"}[c.Group]; g != "" {
			argv = append(argv, "-Djdk.tls.namedGroups="+g)
		}
		argv = append(argv, "Peer")
		var m map[string]any
		if err := json.Unmarshal([]byte(asJSON(p)), &m); err != nil {
			panic(err)
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			argv = append(argv, fmt.Sprintf("%s=%v", name, m[name]))
		}
		return argv, nil
	}
}
