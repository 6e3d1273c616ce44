package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"ucspitls/test/lab/loopback"
)

// A chain is one side of a cell made of our programs: a wrapper, its tunnel,
// and an app behind it.
type chain struct {
	*process
	report string // file
}

// startChain runs a chain on a connected socket, which it takes over.
func (l *lab) startChain(c *Cell, role string, conn *net.TCPConn) (*chain, error) {
	first, second, err := loopback.Files(conn)
	if err != nil {
		return nil, err
	}
	p := plan{Server: role == "server", Delayed: c.Entry == "delayed", First: c.ends(role), Bytes: c.bytes(),
		Report: l.reportFile(), HTTP: role == "server" && c.Client == curlPeer.name}
	x := &chain{report: p.Report}
	argv, env := l.chainCommand(c, role)
	files := map[int]*os.File{0: first, 1: second}
	if role == "client" {
		files = map[int]*os.File{6: first, 7: second}
	}
	x.process, err = start(append(argv, "--", l.self), append(env, appVariable+"="+asJSON(p)), files)
	return x, err
}

// chainCommand is the wrapper's command line and environment.
func (l *lab) chainCommand(c *Cell, role string) (argv, env []string) {
	letter, backend := "d", c.Server
	if role == "client" {
		letter, backend = "c", c.Client
	}
	program := "s6-tls" + letter
	if c.Entry == "delayed" {
		program = "s6-ucspitls" + letter
	}
	argv = []string{filepath.Join(l.bins[bare(backend)], program), "-v2", "-K", "10000"}
	if c.Flags != "" {
		argv = append(argv, "-"+c.Flags)
	}
	env = []string{"CAFILE=" + l.ca()}
	if role == "server" {
		id := l.server(c)
		env = append(env, "CERTFILE="+id.cert, "KEYFILE="+id.key)
		switch asks, insists := c.wantsCert(); {
		case insists:
			argv = append(argv, "-y")
		case asks:
			argv = append(argv, "-Y")
		}
		switch c.SNI {
		case "pair":
			pair := l.identity("pair")
			argv = append(argv, "-k1")
			env = append(env, "CERTFILE:"+pairHost+"="+pair.cert, "KEYFILE:"+pairHost+"="+pair.key)
		case "unknown":
			argv = append(argv, "-k2")
			env = append(env, "CERTFILE:"+pairHost+"="+id.cert, "KEYFILE:"+pairHost+"="+id.key)
		}
		if c.Session == "tickets" {
			env = append(env, "TLS_TICKETKEYS="+l.file("tickets"))
		}
		if v := c.serverVersion(); v != "" {
			env = append(env, "TLS_MIN_VERSION="+v, "TLS_MAX_VERSION="+v)
		}
		if a := c.takes(); a != "" {
			env = append(env, "TLS_ALPN="+a)
		}
		return argv, env
	}
	if name := c.name(); name != "" {
		argv = append(argv, "-k", name)
	}
	if id, ok := l.client(c); ok {
		argv = append(argv, "-y")
		env = append(env, "CERTFILE="+id.cert, "KEYFILE="+id.key)
	}
	env = append(env, "TLS_MIN_VERSION="+c.Version, "TLS_MAX_VERSION="+c.Version)
	if a := c.offers(); a != "" {
		env = append(env, "TLS_ALPN="+a)
	}
	return argv, env
}

// A listener starts a chain for each connection, as a super-server does.
type listener struct {
	l      *net.TCPListener
	mu     sync.Mutex
	chains []*chain
	err    error
	over   chan struct{}
}

func (l *lab) listen(c *Cell) (*listener, error) {
	tcp, err := loopback.Listen()
	if err != nil {
		return nil, err
	}
	s := &listener{l: tcp, over: make(chan struct{})}
	go func() {
		defer close(s.over)
		for {
			conn, err := tcp.AcceptTCP()
			if err != nil {
				return
			}
			x, err := l.startChain(c, "server", conn)
			s.mu.Lock()
			if err != nil {
				s.err = err
			} else {
				s.chains = append(s.chains, x)
			}
			s.mu.Unlock()
		}
	}()
	return s, nil
}

// last closes the listener and gives the chain of the last connection, nil
// if there was none, once all have ended or patience is over.
func (s *listener) last(patience time.Duration) (*chain, error) {
	s.l.Close()
	<-s.over
	for _, x := range s.chains {
		x.finish(patience, true)
	}
	if len(s.chains) == 0 {
		return nil, s.err
	}
	return s.chains[len(s.chains)-1], s.err
}

// observe puts what a chain did into a Side. Its exit code is the tunnel's:
// prog, our app, has waited for it.
func (x *chain) observe(s *Side) {
	s.Exit = x.exit()
	var r report
	if data, err := os.ReadFile(x.report); err == nil && json.Unmarshal(data, &r) == nil {
		os.Remove(x.report)
		s.Ran, s.Blob, s.In, s.Out = true, r.Blob, r.In, r.Out
		if s.Exit == "0" {
			s.Exit = strconv.Itoa(r.IO)
		}
		if r.WriteErr != "" {
			s.Notes = append(s.Notes, "prog: "+r.WriteErr)
		}
	}
	for line := range strings.Lines(x.Stderr()) {
		line = strings.TrimSuffix(line, "\n")
		if strings.Contains(line, ": fatal: ") || strings.Contains(line, ": warning: ") {
			s.Lines = append(s.Lines, line)
		}
		if _, a, ok := strings.Cut(line, "sent alert "); ok {
			s.Alert = firstWord(a)
		}
	}
	for _, item := range s.Blob {
		switch name, v, _ := strings.Cut(item, "="); name {
		case "SSL_PROTOCOL":
			s.Protocol = v
		case "SSL_CIPHER":
			s.Cipher = v
		case "SSL_ALPN":
			s.ALPN = v
		}
	}
}

func firstWord(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
	if end < 0 {
		return s
	}
	return s[:end]
}

func (s *Side) blob(name string) string {
	for _, item := range s.Blob {
		if v, ok := strings.CutPrefix(item, name+"="); ok {
			return v
		}
	}
	return ""
}

func mustDial(port int) (*net.TCPConn, error) {
	conn, err := net.Dial("tcp4", atPort(port))
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn.(*net.TCPConn), nil
}
