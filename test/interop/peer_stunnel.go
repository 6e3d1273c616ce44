package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// stunnel is configured by a file, and its cleartext side is a TCP connection.
var stunnelPeer = &peer{
	name: "stunnel", title: "stunnel", pkg: "stunnel4", needs: []string{"stunnel"},
	version: []string{"stunnel", "-version"}, pick: `stunnel (\d\S+) on`,
	server: &adapter{command: stunnelServer, talk: tcp, endless: true, cannot: []string{"end", "alpn", "sni=pair", "sni=unknown", "session"},
		protocol: stunnelProtocol, cipher: stunnelCipher, alert: numberedAlerts},
	client: &adapter{command: stunnelClient, talk: tcp, endless: true, cannot: []string{"end", "alpn", "session"},
		protocol: stunnelProtocol, cipher: stunnelCipher, alert: numberedAlerts},
}

var (
	stunnelProtocol = regexp.MustCompile(`(TLSv1\.[23]) ciphersuite`)
	stunnelCipher   = regexp.MustCompile(`ciphersuite: (\S+)`)
)

func stunnelServer(l *lab, c *Cell, at place) (argv, env []string) {
	id := l.server(c)
	conf := []string{"accept = " + atPort(at.port), "connect = " + atPort(at.app), "cert = " + id.cert, "key = " + id.key, "CAfile = " + l.ca()}
	switch asks, insists := c.wantsCert(); {
	case insists:
		conf = append(conf, "verifyChain = yes", "requireCert = yes")
	case asks:
		conf = append(conf, "verifyChain = yes", "requireCert = no")
	}
	return stunnelRun(l, c, at.port, conf, c.serverVersion())
}

func stunnelClient(l *lab, c *Cell, at place) (argv, env []string) {
	conf := []string{"client = yes", "accept = " + atPort(at.app), "connect = " + atPort(at.port), "CAfile = " + l.ca(), "verifyChain = yes"}
	if name := c.name(); name != "" {
		conf = append(conf, "sni = "+name, "checkHost = "+name)
	} else {
		conf = append(conf, "sni =")
	}
	if id, ok := l.client(c); ok {
		conf = append(conf, "cert = "+id.cert, "key = "+id.key)
	}
	return stunnelRun(l, c, at.port, conf, c.Version)
}

func stunnelRun(l *lab, c *Cell, port int, conf []string, version string) (argv, env []string) {
	if version != "" {
		conf = append(conf, "sslVersion = TLSv"+version)
	}
	if g := opensslGroups[c.Group]; g != "" {
		conf = append(conf, "curves = "+g)
	}
	path := l.file(fmt.Sprintf("stunnel-%d.conf", port))
	text := "foreground = yes\nsyslog = no\ndebug = info\npid =\n[interop]\n" + strings.Join(conf, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err) // our own scratch folder
	}
	return []string{"stunnel", path}, nil
}
