package main

import (
	"fmt"
	"os"
	"regexp"
)

var opensslPeer = &peer{
	name: "openssl", title: "OpenSSL", pkg: "openssl", needs: []string{"openssl"},
	version: []string{"openssl", "version"}, pick: `OpenSSL (\S+)`,
	server: &adapter{command: sServer, talk: stdio, cannot: []string{"end", "sni=pair", "sni=unknown", "session"},
		protocol: opensslProtocol, cipher: opensslCipher, group: opensslGroup, alpn: regexp.MustCompile(`ALPN protocols selected: (\S+)`), alert: numberedAlerts},
	client: &adapter{command: sClient, talk: stdio, cannot: []string{"end"},
		protocol: opensslProtocol, cipher: opensslCipher, group: opensslGroup, alpn: regexp.MustCompile(`ALPN protocol: (\S+)`), alert: numberedAlerts},
}

var (
	opensslProtocol = regexp.MustCompile(`(?m)(?:^New, |Protocol *: )(TLSv1\.[23])`)
	opensslCipher   = regexp.MustCompile(`(?m)(?:Cipher is |CIPHER is )(\S+)`)
	opensslGroup    = regexp.MustCompile(`Server Temp Key: (.*)`)
)

var opensslVersions = map[string]string{"1.2": "-tls1_2", "1.3": "-tls1_3"}
var opensslGroups = map[string]string{"x25519": "X25519", "p256": "P-256", "p384": "P-384"}

func sServer(l *lab, c *Cell, at place) (argv, env []string) {
	id := l.server(c)
	argv = []string{"openssl", "s_server", "-accept", atPort(at.port), "-naccept", "1", "-cert", id.cert, "-cert_chain", id.cert, "-key", id.key,
		"-CAfile", l.ca(), "-no-CApath", "-no-CAstore"}
	if v := c.serverVersion(); v != "" {
		argv = append(argv, opensslVersions[v])
	}
	if g := opensslGroups[c.Group]; g != "" {
		argv = append(argv, "-groups", g)
	}
	switch asks, insists := c.wantsCert(); {
	case insists:
		argv = append(argv, "-Verify", "3", "-verify_return_error")
	case asks:
		argv = append(argv, "-verify", "3", "-verify_return_error")
	}
	if a := c.takes(); a != "" {
		argv = append(argv, "-alpn", a)
	}
	return argv, nil
}

func sClient(l *lab, c *Cell, at place) (argv, env []string) {
	argv = []string{"openssl", "s_client", "-connect", atPort(at.port), "-CAfile", l.ca(), "-no-CApath", "-no-CAstore", "-verify", "3", "-verify_return_error",
		opensslVersions[c.Version]}
	if name := c.name(); name != "" {
		argv = append(argv, "-servername", name, "-verify_hostname", name)
	} else {
		argv = append(argv, "-noservername")
	}
	if g := opensslGroups[c.Group]; g != "" {
		argv = append(argv, "-groups", g)
	}
	if id, ok := l.client(c); ok {
		argv = append(argv, "-cert", id.cert, "-cert_chain", id.cert, "-key", id.key)
	}
	if a := c.offers(); a != "" {
		argv = append(argv, "-alpn", a)
	}
	if !c.ends("client") {
		argv = append(argv, "-ign_eof")
	}
	if c.Session != "" { // the first connection leaves its session in a file, if it has one
		file := l.file(fmt.Sprintf("session-%d", at.port))
		if _, err := os.Stat(file); err == nil && at.round == 2 {
			return append(argv, "-sess_in", file), nil
		}
		return append(argv, "-sess_out", file), nil
	}
	return argv, nil
}
