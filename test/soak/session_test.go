//go:build linux

package soak

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ucspitls/test/lab/launch"
	"ucspitls/test/lab/loopback"
)

// session runs one plan and judges it.
func (s *soak) session(p *plan) {
	s.sessions.Add(1)
	s.mu.Lock()
	s.faults[p.fault]++
	s.mu.Unlock()

	// The client's end of the network, and a middle behind it.
	ours, theirs, err := loopback.Pair()
	if err != nil {
		s.complain("%v: %v", p, err)
		return
	}
	m := &middle{p: p, c: theirs}
	var server *launch.Process
	if p.direct() {
		near, far, err := loopback.Pair()
		if err != nil {
			s.complain("%v: %v", p, err)
			return
		}
		m.s = near
		first, second, err := loopback.Files(far)
		if err != nil {
			s.complain("%v: %v", p, err)
			return
		}
		argv := append(append([]string{p.server}, p.serverFlags...), "--", s.self)
		server, err = s.spawn(p.env, argv, []string{roleVariable + "=server"}, map[int]*os.File{0: first, 1: second})
		if err != nil {
			s.complain("%v: %v", p, err)
			return
		}
		if p.fault == killIO {
			go func() {
				time.Sleep(time.Duration(p.at%60) * time.Millisecond)
				if pid := childOf(server.Pid); pid != 0 {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}()
		}
	} else {
		d := s.daemon[p.server+" "+p.env.name]
		c, err := net.Dial("tcp4", "127.0.0.1:"+d.port)
		if err != nil {
			s.complain("%v: %v", p, err)
			return
		}
		m.s = c.(*net.TCPConn)
	}
	moved := make(chan bool)
	go func() { m.run(); close(moved) }()

	got, code := s.client(p, ours)
	s.compared.Add(int64(got))
	s.expect(p, "client", code, p.clientCodes())
	if code == progLost {
		s.lost.Add(1)
	}
	if p.harmless() {
		if code == 0 {
			s.complete.Add(1)
		} else {
			s.lost.Add(int64(p.up + p.down - got))
		}
	}
	select {
	case <-moved:
	case <-time.After(patience):
		s.complain("%v: the network is still busy", p)
		m.c.Close()
		m.s.Close()
	}
	if server != nil {
		select {
		case <-server.Ended:
			s.expect(p, "server", server.Code(), p.serverCodes())
		case <-time.After(patience):
			s.complain("%v: the server hangs", p)
		}
	}
}

// client runs the client of a plan, gives how much it has compared, and its code.
func (s *soak) client(p *plan, c *net.TCPConn) (got, code int) {
	c.SetDeadline(time.Now().Add(patience))
	h := p.header()
	switch {
	case p.fault == garbage:
		fill(make([]byte, 1), p.n, false, 0)
		c.Write([]byte("EHLO nobody\r\n" + strings.Repeat("x", p.at)))
		c.CloseWrite()
		b := make([]byte, 1000)
		for {
			if _, err := c.Read(b); err != nil {
				break
			}
		}
		c.Close()
		return 0, progShort
	case p.client == "crypto/tls":
		return s.cryptoTLS(p, c, h)
	}
	first, second, err := loopback.Files(c)
	if err != nil {
		s.complain("%v: %v", p, err)
		return 0, -1
	}
	argv := append([]string{p.client}, p.clientFlags...)
	env := []string{roleVariable + "=client", fmt.Sprintf("%s=%d %d %d %d", planVariable, h.up, h.down, h.id, h.act)}
	files := map[int]*os.File{}
	if p.client == "s6-tlsclient" {
		// It connects itself: to a listener that hands over to our end.
		second.Close()
		l, err := loopback.Listen()
		if err != nil {
			s.complain("%v: %v", p, err)
			return 0, -1
		}
		defer l.Close()
		go relay(l, first)
		argv = append(argv, "-H", "--", "127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	} else {
		files[6], files[7] = first, second
		argv = append(argv, "--")
	}
	null, _ := os.OpenFile("/dev/null", os.O_RDWR, 0)
	files[0] = null
	tool, err := s.spawn(p.cenv, append(argv, s.self), env, files)
	if err != nil {
		s.complain("%v: %v", p, err)
		return 0, -1
	}
	select {
	case <-tool.Ended:
		if code = tool.Code(); code == 0 {
			got = p.up + p.down
		}
		return got, code
	case <-time.After(patience):
		s.complain("%v: the client hangs", p)
		return 0, -1
	}
}

// relay joins the connection that l accepts with the one in f.
func relay(l *net.TCPListener, f *os.File) {
	far, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return
	}
	l.SetDeadline(time.Now().Add(patience))
	near, err := l.AcceptTCP()
	if err != nil {
		far.Close()
		return
	}
	(&middle{p: &plan{fault: none}, c: near, s: far.(*net.TCPConn)}).run()
}

func (s *soak) cryptoTLS(p *plan, c *net.TCPConn, h header) (got, code int) {
	defer c.Close()
	conn := tls.Client(c, &tls.Config{RootCAs: s.roots, ServerName: "localhost"})
	if err := conn.Handshake(); err != nil {
		return 0, progShort
	}
	said := make(chan bool)
	go func() {
		defer close(said)
		conn.Write(h.bytes())
		say(conn, p.up, p.n, false)
		conn.CloseWrite()
	}()
	got, code = hear(conn, h)
	if code == 0 {
		<-said // the close_notify goes out before the FIN
	}
	return got, code
}

// The codes that a plan may end with. A client's prog tells by its own what it
// missed.
func (p *plan) clientCodes() []int {
	if p.harmless() {
		return []int{0}
	}
	return []int{0, 98, progShort}
}

func (p *plan) serverCodes() []int {
	switch p.fault {
	case none, slowFault:
		return []int{0}
	case killIO, killProg:
		return []int{0, 98, 128 + 9}
	}
	return []int{0, 98}
}

func (s *soak) expect(p *plan, who string, code int, want []int) {
	s.mu.Lock()
	s.codes[who+" "+string(p.fault)+" "+strconv.Itoa(code)]++
	s.mu.Unlock()
	for _, w := range want {
		if code == w {
			return
		}
	}
	s.complain("%v: the %s ended with %d", p, who, code)
}
