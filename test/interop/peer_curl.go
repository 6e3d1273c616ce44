package main

import (
	"fmt"
	"regexp"
)

var curlPeer = &peer{
	name: "curl", title: "curl", pkg: "curl", needs: []string{"curl"},
	version: []string{"curl", "--version"}, pick: `^curl (\S+)`,
	client: &adapter{command: curl, talk: http, cannot: []string{"end", "sni=off", "session"},
		protocol: regexp.MustCompile(`SSL connection using (\S+) /`), cipher: regexp.MustCompile(`SSL connection using \S+ / (\S+)`),
		alpn: regexp.MustCompile(`ALPN: server accepted (\S+)`), alert: regexp.MustCompile(`(?m)TLS alert, [^(]*\((\d+)\)`)},
}

func curl(l *lab, c *Cell, at place) (argv, env []string) {
	argv = []string{"curl", "-sv", "--http1.1", "--max-time", "12", "--resolve", fmt.Sprintf("%s:%d:127.0.0.1", c.name(), at.port), "--cacert", l.ca(),
		"--tlsv" + c.Version, "--tls-max", c.Version, "-H", "Expect:", "--data-binary", "@" + l.request(c)}
	if g := opensslGroups[c.Group]; g != "" {
		argv = append(argv, "--curves", g)
	}
	if id, ok := l.client(c); ok {
		argv = append(argv, "--cert", id.cert, "--key", id.key)
	}
	if c.offers() == "" {
		argv = append(argv, "--no-alpn")
	}
	return append(argv, fmt.Sprintf("https://%s:%d/", c.name(), at.port)), nil
}
