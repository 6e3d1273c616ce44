package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"strings"
	"time"

	"ucspitls/test/lab/loopback"
)

// A Side is what one side of a cell did.
type Side struct {
	Name     string   `json:"name"`
	Ours     bool     `json:"ours,omitempty"`
	Command  string   `json:"command"`
	Exit     string   `json:"exit"` // a code, "signal N", "stopped", "late", "not started"
	Ran      bool     `json:"ran,omitempty"`
	Protocol string   `json:"protocol,omitempty"`
	Cipher   string   `json:"cipher,omitempty"`
	Group    string   `json:"group,omitempty"`
	ALPN     string   `json:"alpn,omitempty"`
	Alert    string   `json:"alert,omitempty"` // sent or received
	Blob     []string `json:"blob,omitempty"`
	Lines    []string `json:"lines,omitempty"` // ours: fatal and warning
	In       Count    `json:"in"`              // payload that arrived
	Out      Count    `json:"out"`             // and that was sent
	Notes    []string `json:"notes,omitempty"`
	Output   string   `json:"output,omitempty"`
	Resumed  bool     `json:"resumed,omitempty"`
}

// A Result is a cell that has run.
type Result struct {
	Cell
	Outcome string `json:"outcome"` // ok, refused, unexpected
	Why     string `json:"why,omitempty"`
	// Unsteady is why a first attempt failed where the second did not.
	Unsteady string `json:"unsteady,omitempty"`
	Reason   string `json:"reason,omitempty"` // from the list of differences
	Server   Side   `json:"serverSide"`
	Client   Side   `json:"clientSide"`
	Wire     Wire   `json:"wire"`
	Millis   int64  `json:"ms"`
}

func (r *Result) side(role string) *Side {
	if role == "server" {
		return &r.Server
	}
	return &r.Client
}

// cell has one session and judges it.
func (l *lab) cell(c Cell) *Result {
	began := time.Now()
	r := &Result{Cell: c}
	r.Server.Name, r.Client.Name = c.Server, c.Client
	r.Server.Ours, r.Client.Ours = isBackend(c.Server), isBackend(c.Client)
	if err := l.session(r); err != nil {
		r.Outcome, r.Why = "unexpected", err.Error()
	} else {
		r.judge()
	}
	r.Millis = time.Since(began).Milliseconds()
	return r
}

// session runs both programs with a relay between them.
func (l *lab) session(r *Result) error {
	c := &r.Cell
	server, err := l.startServer(c)
	if err != nil {
		r.Server.Exit = "not started"
		return err
	}
	relay, err := newRelay(atPort(server.port))
	if err != nil {
		return err
	}
	rounds := 1
	if c.Session != "" && c.Client == opensslPeer.name {
		rounds = 2
	}
	for round := 1; round <= rounds && err == nil; round++ {
		err = l.runClient(c, relay, round, &r.Client)
	}
	server.finish(l, r)
	relay.settle()
	r.Wire = relay.close()
	return err
}

// A running is one side of a cell while it runs.
type running struct {
	port     int
	adapter  *adapter
	listener *listener // of ours
	process  *process  // of a peer
	app      net.Listener
	played   chan report // what the harness saw as the app
}

func (l *lab) startServer(c *Cell) (*running, error) {
	if isBackend(c.Server) {
		s, err := l.listen(c)
		if err != nil {
			return nil, err
		}
		return &running{listener: s, port: s.l.Addr().(*net.TCPAddr).Port}, nil
	}
	x := &running{adapter: peerNamed(c.Server).server, played: make(chan report, 1)}
	var err error
	if x.port, err = l.port(); err != nil {
		return nil, err
	}
	at := place{port: x.port, round: 1}
	if x.adapter.talk == tcp {
		if x.app, err = loopback.Listen(); err != nil {
			return nil, err
		}
		at.app = x.app.Addr().(*net.TCPAddr).Port
	}
	argv, env := x.adapter.command(l, c, at)
	if x.process, err = start(argv, env, nil); err != nil {
		return nil, err
	}
	if err := listening(x.process, x.port); err != nil {
		x.process.finish(0, false)
		return nil, err
	}
	x.play(c, "server")
	return x, nil
}

// play lets the harness be the app of a peer's program.
func (x *running) play(c *Cell, role string) {
	p := plan{Server: role == "server", First: c.ends(role), Bytes: c.bytes()}
	switch x.adapter.talk {
	case stdio:
		go func() {
			var r report
			r.converse(&p, &live{p: x.process}, x.process.Stdin)
			x.played <- r
		}()
	case tcp:
		go func() {
			var r report
			if conn, err := x.app.Accept(); err == nil {
				conn.SetDeadline(time.Now().Add(15 * time.Second))
				r.converse(&p, conn, halfClose{conn.(*net.TCPConn)})
				conn.Close()
			}
			x.played <- r
		}()
	}
}

func (x *running) finish(l *lab, r *Result) {
	s := &r.Server
	if x.listener != nil {
		last, err := x.listener.last(l.patience)
		if err != nil || last == nil {
			s.Exit = "not started"
			return
		}
		s.describe(l, last.process)
		last.observe(s)
		return
	}
	x.process.finish(l.patience, !x.adapter.endless)
	if x.app != nil {
		x.app.Close()
	}
	x.collect(l, s)
}

// runClient runs the client to its end.
func (l *lab) runClient(c *Cell, relay *relay, round int, s *Side) error {
	if isBackend(c.Client) {
		conn, err := mustDial(relay.port())
		if err != nil {
			return err
		}
		x, err := l.startChain(c, "client", conn)
		if err != nil {
			return err
		}
		x.finish(l.patience, true)
		s.describe(l, x.process)
		x.observe(s)
		return nil
	}
	x := &running{adapter: peerNamed(c.Client).client, played: make(chan report, 1)}
	at := place{port: relay.port(), round: round}
	var err error
	if x.adapter.talk == tcp {
		if at.app, err = l.port(); err != nil {
			return err
		}
	}
	argv, env := x.adapter.command(l, c, at)
	if x.process, err = start(argv, env, nil); err != nil {
		return err
	}
	switch x.adapter.talk {
	case tcp:
		if err := listening(x.process, at.app); err != nil {
			x.process.finish(0, false)
			return err
		}
		x.converseOver(c, at.app)
		select { // both directions of the TLS connection have ended
		case <-relay.done:
		case <-time.After(l.patience):
		}
	default:
		x.play(c, "client")
	}
	x.process.finish(l.patience, !x.adapter.endless)
	x.collect(l, s)
	return nil
}

// converseOver is the conversation of a client whose cleartext side is a
// TCP connection.
func (x *running) converseOver(c *Cell, port int) {
	var r report
	if conn, err := mustDial(port); err == nil {
		conn.SetDeadline(time.Now().Add(12 * time.Second))
		r.converse(&plan{First: c.ends("client"), Bytes: c.bytes()}, conn, halfClose{conn})
		conn.Close()
	}
	x.played <- r
}

// collect puts what a peer did into a Side.
func (x *running) collect(l *lab, s *Side) {
	s.describe(l, x.process)
	s.Exit = x.process.exit()
	text := s.Output
	s.Protocol, s.Cipher = find1(x.adapter.protocol, text), find1(x.adapter.cipher, text)
	s.Group, s.ALPN = groupWord(find1(x.adapter.group, text)), find1(x.adapter.alpn, text)
	s.Alert = alertWord(find1(x.adapter.alert, text))
	switch x.adapter.talk {
	case stdio, tcp:
		select {
		case r := <-x.played:
			s.In, s.Out = r.In, r.Out
		case <-time.After(5 * time.Second):
			s.Notes = append(s.Notes, "the conversation did not end")
		}
	case script:
		var say scriptReport
		lines := bytes.Split(bytes.TrimSpace(x.process.Stdout()), []byte("\n"))
		if err := json.Unmarshal(lines[len(lines)-1], &say); err != nil {
			s.Notes = append(s.Notes, "the script has no report")
		}
		s.Protocol, s.Cipher, s.Group, s.ALPN, s.In, s.Resumed = say.Protocol, say.Cipher, groupWord(say.Group), say.ALPN, say.In, say.Resumed
		if say.Error != "" {
			s.Notes = append(s.Notes, say.Error)
		}
	case http:
		s.In = count(onlyPayload(x.process.Stdout()))
	case echo:
		s.Notes = append(s.Notes, "an echo server: what it got can't be seen")
	}
}

// describe keeps the command line and the output, without the payload and
// without the names of this run's files.
func (s *Side) describe(l *lab, p *process) {
	s.Command = l.neutral(strings.Join(p.argv, " "))
	var b strings.Builder
	for line := range strings.Lines(string(p.Stdout()) + p.Stderr()) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			b.WriteString(line)
		}
	}
	s.Output = l.neutral(b.String())
}

// neutral takes the directories of a run out of a text.
func (l *lab) neutral(text string) string {
	for name, folder := range l.bins {
		text = strings.ReplaceAll(text, folder, "build/"+name)
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, l.self, "prog"), l.dir+string(os.PathSeparator), "")
}
