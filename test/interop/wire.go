package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"ucspitls/backend"
	"ucspitls/test/lab/loopback"
	"ucspitls/test/lab/wait"
)

// A relay stands between client and server. It changes nothing, hands on FIN
// and RST as they come, and keeps what can be seen from outside: a witness
// that is neither of the two programs.
type relay struct {
	l      *net.TCPListener
	target string
	wg     sync.WaitGroup

	mu          sync.Mutex
	conns       []net.Conn
	connections int
	up, down    *direction    // of the last connection: the client's bytes, the server's
	open        int           // sessions
	done        chan struct{} // the last session has ended
}

// Wire is what a relay saw.
type Wire struct {
	Protocol    string `json:"protocol,omitempty"`
	Cipher      string `json:"cipher,omitempty"` // OpenSSL's name
	Group       string `json:"group,omitempty"`
	SNI         string `json:"sni,omitempty"`
	Offered     string `json:"offered,omitempty"` // ALPN
	Resumed     bool   `json:"resumed,omitempty"`
	Retry       bool   `json:"retry,omitempty"` // HelloRetryRequest
	ClientEnd   string `json:"clientEnd"`       // "close_notify, FIN" ...
	ServerEnd   string `json:"serverEnd"`
	ClientAlert string `json:"clientAlert,omitempty"` // in the clear
	ServerAlert string `json:"serverAlert,omitempty"`
	ClientBytes int    `json:"clientBytes"`
	ServerBytes int    `json:"serverBytes"`
	Connections int    `json:"connections"`
}

func newRelay(target string) (*relay, error) {
	l, err := loopback.Listen()
	if err != nil {
		return nil, err
	}
	r := &relay{l: l, target: target, up: &direction{}, down: &direction{}, done: make(chan struct{}, 1)}
	r.wg.Go(r.serve)
	return r, nil
}

func (r *relay) port() int { return r.l.Addr().(*net.TCPAddr).Port }

func (r *relay) serve() {
	for {
		client, err := r.l.AcceptTCP()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp4", r.target)
		if err != nil {
			client.Close()
			continue
		}
		up, down := &direction{}, &direction{}
		r.mu.Lock()
		r.up, r.down = up, down
		r.connections++
		r.open++
		r.conns = append(r.conns, client, server)
		r.mu.Unlock()
		r.wg.Go(func() {
			var both sync.WaitGroup
			both.Go(func() { r.pump(up, server.(*net.TCPConn), client) })
			both.Go(func() { r.pump(down, client, server.(*net.TCPConn)) })
			both.Wait()
			client.Close()
			server.Close()
			r.left()
		})
	}
}

// pump copies one direction to its end.
func (r *relay) pump(d *direction, dst, src *net.TCPConn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		r.mu.Lock()
		d.see(buf[:n])
		r.mu.Unlock()
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				io.Copy(io.Discard, src) // the other pump says why
				return
			}
		}
		switch {
		case err == nil:
			continue
		case err == io.EOF:
			r.ended(d, "FIN")
			dst.CloseWrite()
		case errors.Is(err, syscall.ECONNRESET):
			r.ended(d, "RST")
			dst.SetLinger(0)
			dst.Close()
		}
		return
	}
}

// left counts a session that has ended.
func (r *relay) left() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open--; r.open == 0 {
		select {
		case r.done <- struct{}{}:
		default:
		}
	}
}

// settle waits for what is still on its way when both programs have ended.
func (r *relay) settle() {
	wait.Until(time.Second, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.open == 0
	})
}

func (r *relay) ended(d *direction, how string) {
	r.mu.Lock()
	d.end = how
	r.mu.Unlock()
}

// close ends everything and gives what was seen.
func (r *relay) close() Wire {
	r.l.Close()
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
	w := Wire{
		SNI: r.up.sni, Offered: r.up.alpn,
		Protocol: r.down.protocol, Cipher: r.down.cipher, Group: r.down.group,
		Resumed: r.down.resumed(), Retry: r.down.retry,
		ClientAlert: r.up.alert, ServerAlert: r.down.alert,
		ClientBytes: r.up.bytes, ServerBytes: r.down.bytes, Connections: r.connections,
	}
	w.ClientEnd, w.ServerEnd = r.up.ending(w.Protocol), r.down.ending(w.Protocol)
	return w
}

// notified reports whether an ending has an alert in front of the FIN or RST.
// After a handshake the kind of an alert can't be seen from outside.
func notified(end string) bool { return len(end) > 5 && end[:5] == "alert" }

// A direction is what one side sent.
type direction struct {
	records
	bytes int
	end   string
}

func (d *direction) see(b []byte) {
	d.bytes += len(b)
	d.feed(b)
}

// ending says how a side ended: "alert, FIN", "FIN", "RST", "" for not at all.
func (d *direction) ending(protocol string) string {
	end := d.end
	if end == "" {
		end = "open"
	}
	switch {
	case d.alert != "":
		return "alert " + d.alert + ", " + end
	case protocol == "TLSv1.2" && d.lastType == recordAlert,
		protocol == "TLSv1.3" && d.lastType == recordData && (d.lastLength == sealedAlert || d.lastLength == paddedAlert):
		return "alert, " + end
	}
	return end
}

func alertName(n byte) string { return backend.Alert(n).String() }
