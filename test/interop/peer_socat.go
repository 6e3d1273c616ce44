package main

import (
	"fmt"
	"strings"
)

// socat's options have no room for ALPN or groups; it ends with close_notify
// on the way out.
var socatPeer = &peer{
	name: "socat", title: "socat", pkg: "socat", needs: []string{"socat"},
	version: []string{"socat", "-V"}, pick: `socat version (\S+)`,
	server: &adapter{command: socatServer, talk: stdio, cannot: []string{"end", "alpn", "group", "sni=pair", "sni=unknown", "session", "cert=asked"}, alert: numberedAlerts},
	client: &adapter{command: socatClient, talk: stdio, cannot: []string{"end", "alpn", "group", "session"}, alert: numberedAlerts},
}

func socatServer(l *lab, c *Cell, at place) (argv, env []string) {
	id := l.server(c)
	_, insists := c.wantsCert()
	address := []string{fmt.Sprintf("OPENSSL-LISTEN:%d", at.port), "bind=127.0.0.1", "reuseaddr", "cert=" + id.both, "cafile=" + l.ca(), "verify=" + map[bool]string{true: "1", false: "0"}[insists]}
	if v := c.serverVersion(); v != "" {
		address = append(address, "openssl-min-proto-version=TLS"+v, "openssl-max-proto-version=TLS"+v)
	}
	return []string{"socat", "-d", "-d", "-t", "0.5", strings.Join(address, ","), "STDIO"}, nil
}

func socatClient(l *lab, c *Cell, at place) (argv, env []string) {
	address := []string{fmt.Sprintf("OPENSSL:127.0.0.1:%d", at.port), "cafile=" + l.ca(), "verify=1", "openssl-min-proto-version=TLS" + c.Version, "openssl-max-proto-version=TLS" + c.Version}
	if name := c.name(); name != "" {
		address = append(address, "commonname="+name, "snihost="+name)
	} else {
		address = append(address, "commonname=", "no-sni=1")
	}
	if id, ok := l.client(c); ok {
		address = append(address, "cert="+id.both)
	}
	return []string{"socat", "-d", "-d", "-t", "0.5", strings.Join(address, ","), "STDIO"}, nil
}
