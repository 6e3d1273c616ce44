package main

import (
	"regexp"
	"strconv"
)

var gnutlsPeer = &peer{
	name: "gnutls", title: "GnuTLS", pkg: "gnutls-bin", needs: []string{"gnutls-cli", "gnutls-serv"},
	version: []string{"gnutls-cli", "--version"}, pick: `gnutls-cli (\S+)`,
	server: &adapter{command: gnutlsServ, talk: echo, endless: true,
		cannot:   []string{"end", "first", "sni=pair", "sni=unknown", "session", "size"},
		protocol: gnutlsProtocol, cipher: gnutlsCipher, group: gnutlsGroup, alpn: gnutlsALPN, alert: numberedAlerts},
	client: &adapter{command: gnutlsCLI, talk: stdio, cannot: []string{"end", "session"},
		protocol: gnutlsProtocol, cipher: gnutlsCipher, group: gnutlsGroup, alpn: gnutlsALPN, alert: numberedAlerts},
}

var (
	gnutlsProtocol = regexp.MustCompile(`Description: \((TLS1\.[23])`)
	gnutlsCipher   = regexp.MustCompile(`Description: \((\S+)\)`)
	gnutlsGroup    = regexp.MustCompile(`Description: \(TLS1\.[23](?:-X\.509)?\)-\((?:ECDHE-)?([A-Z0-9]+)`)
	gnutlsALPN     = regexp.MustCompile(`Application protocol: (\S+)`)
)

// gnutlsPriority is one version and one group, or all of them.
func gnutlsPriority(version, group string) string {
	p := "NORMAL"
	if version != "" {
		p += ":-VERS-ALL:+VERS-TLS" + version
	}
	if g := map[string]string{"x25519": "X25519", "p256": "SECP256R1", "p384": "SECP384R1"}[group]; g != "" {
		p += ":-GROUP-ALL:+GROUP-" + g
	}
	return p
}

func gnutlsServ(l *lab, c *Cell, at place) (argv, env []string) {
	id := l.server(c)
	argv = []string{"gnutls-serv", "--echo", "--port", strconv.Itoa(at.port), "--x509certfile", id.cert, "--x509keyfile", id.key,
		"--x509cafile", l.ca(), "--priority", gnutlsPriority(c.serverVersion(), c.Group)}
	switch asks, insists := c.wantsCert(); {
	case insists:
		argv = append(argv, "--require-client-cert", "--verify-client-cert")
	case asks:
		argv = append(argv, "--verify-client-cert")
	default:
		argv = append(argv, "--disable-client-cert")
	}
	if a := c.takes(); a != "" {
		argv = append(argv, "--alpn", a, "--alpn-fatal")
	}
	return argv, nil
}

func gnutlsCLI(l *lab, c *Cell, at place) (argv, env []string) {
	argv = []string{"gnutls-cli", "--port", strconv.Itoa(at.port), "--x509cafile", l.ca(), "--priority", gnutlsPriority(c.Version, c.Group)}
	if name := c.name(); name != "" {
		argv = append(argv, "--sni-hostname", name, "--verify-hostname", name)
	} else {
		argv = append(argv, "--disable-sni")
	}
	if id, ok := l.client(c); ok {
		argv = append(argv, "--x509certfile", id.cert, "--x509keyfile", id.key)
	}
	if a := c.offers(); a != "" {
		argv = append(argv, "--alpn", a)
	}
	return append(argv, "127.0.0.1"), nil
}
