// Package resolvetest is a name server, an IDENT server and programs that ask
// them instead of the system's, for the tests of what looks names up.
package resolvetest

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A DNS is a name server on 127.0.0.1, UDP and TCP, and the same one on
// 127.0.0.2. It knows what Set says.
type DNS struct {
	Port string

	mu      sync.Mutex
	records map[string][]string
	answer  func(server string, tcp bool, q dnsmessage.Question) Behaviour
	asked   []string
}

// A Behaviour is how a query is answered.
type Behaviour int

const (
	Records   Behaviour = iota // as Set says
	Silent                     // not at all
	Failure                    // SERVFAIL
	Truncated                  // too long for UDP
	Forged                     // another id, another question and junk, then as Set says
	Garbage                    // a header of ours with a body that can't be parsed
)

// StartDNS starts a name server that lives as long as the process.
func StartDNS() (*DNS, error) {
	d := &DNS{}
	d.Set(nil)
	for range 100 { // until one port is free for all of them
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_, d.Port, _ = net.SplitHostPort(tcp.Addr().String())
		first, err1 := net.ListenPacket("udp", "127.0.0.1:"+d.Port)
		second, err2 := net.ListenPacket("udp", "127.0.0.2:"+d.Port)
		if err1 != nil || err2 != nil {
			for _, c := range []io.Closer{tcp, first, second} {
				if c != nil {
					c.Close()
				}
			}
			continue
		}
		go d.serveTCP(tcp)
		go d.serveUDP(first, "127.0.0.1")
		go d.serveUDP(second, "127.0.0.2")
		return d, nil
	}
	return nil, errors.New("no free port")
}

// Set replaces what the server knows: a full name and what it stands for,
// each an address, "PTR name." or "CNAME name.".
func (d *DNS) Set(records map[string][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records, d.answer, d.asked = records, nil, nil
}

// Behave sets how queries are answered, until the next Set.
func (d *DNS) Behave(answer func(server string, tcp bool, q dnsmessage.Question) Behaviour) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

// Asked gives the queries since the last Set: "udp 127.0.0.1 A name.".
func (d *DNS) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

func (d *DNS) serveUDP(c net.PacketConn, server string) {
	buf := make([]byte, 512)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		for _, reply := range d.replies(buf[:n], server, false) {
			c.WriteTo(reply, from)
		}
	}
}

func (d *DNS) serveTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var length [2]byte
			if _, err := io.ReadFull(c, length[:]); err != nil {
				return
			}
			query := make([]byte, int(length[0])<<8|int(length[1]))
			if _, err := io.ReadFull(c, query); err != nil {
				return
			}
			for _, reply := range d.replies(query, "127.0.0.1", true) {
				c.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...))
			}
		}()
	}
}

func (d *DNS) replies(query []byte, server string, tcp bool) [][]byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	transport := "udp "
	if tcp {
		transport = "tcp "
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, transport+server+" "+kind+" "+q.Name.String())
	how := Records
	if d.answer != nil {
		how = d.answer(server, tcp, q)
	}
	m.Response, m.RecursionAvailable = true, true
	switch how {
	case Silent:
		return nil
	case Failure:
		m.RCode = dnsmessage.RCodeServerFailure
		return [][]byte{pack(&m)}
	case Truncated:
		m.Truncated = true
		return [][]byte{pack(&m)}
	case Garbage:
		b := pack(&m)
		b[7] = 1 // one answer, of which there is no byte
		return [][]byte{b}
	}
	forged := m
	d.fill(&m, q)
	if how != Forged {
		return [][]byte{pack(&m)}
	}
	forged.ID++
	other := forged
	other.ID--
	other.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName("evil.example."), Type: q.Type, Class: q.Class}}
	forged.Answers = resources(q.Name, []string{"6.6.6.6"})
	return [][]byte{pack(&forged), pack(&other), {}, {0}, pack(&m)}
}

func (d *DNS) fill(m *dnsmessage.Message, q dnsmessage.Question) {
	name, exists := q.Name, false
	for range 20 {
		values, ok := d.records[strings.ToLower(name.String())]
		exists = exists || ok
		next := dnsmessage.Name{}
		for _, r := range resources(name, values) {
			if r.Header.Type == q.Type || r.Header.Type == dnsmessage.TypeCNAME {
				m.Answers = append(m.Answers, r)
			}
			if alias, ok := r.Body.(*dnsmessage.CNAMEResource); ok {
				next = alias.CNAME
			}
		}
		if next.Length == 0 {
			break
		}
		name = next
	}
	if !exists {
		m.RCode = dnsmessage.RCodeNameError
	}
}

func resources(name dnsmessage.Name, values []string) (all []dnsmessage.Resource) {
	for _, v := range values {
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}}
		kind, target, _ := strings.Cut(v, " ")
		switch ip := net.ParseIP(v); {
		case kind == "PTR":
			r.Header.Type, r.Body = dnsmessage.TypePTR, &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(target)}
		case kind == "CNAME":
			r.Header.Type, r.Body = dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)}
		case ip.To4() != nil:
			r.Header.Type, r.Body = dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte(ip.To4())}
		case ip != nil:
			r.Header.Type, r.Body = dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}
		default:
			panic("resolvetest: not a record: " + strconv.Quote(v))
		}
		all = append(all, r)
	}
	return all
}

func pack(m *dnsmessage.Message) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// Ident starts an IDENT server on 127.0.0.1 for one test. reply gets the
// query and gives the answer; "" keeps silent.
func Ident(t testing.TB, port string, reply func(query string) string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	t.Cleanup(func() { close(quit); l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 100)
				n, _ := c.Read(buf)
				if text := reply(string(buf[:n])); text != "" {
					io.WriteString(c, text)
					return
				}
				<-quit
			}()
		}
	}()
}
