//go:build linux

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

// odd are certificates that try to be too much, or to say more than they may.
func odd(p *pki.PKI, use x509.ExtKeyUsage, dns []string) map[string]*pki.Cert {
	issue := func(name string, edit func(*x509.Certificate)) *pki.Cert {
		return p.Named(fmt.Sprint("odd ", name, use), pki.Spec{Name: name, DNS: dns, Use: []x509.ExtKeyUsage{use}, Edit: edit})
	}
	list := map[string]*pki.Cert{
		"newline":   issue("a\nSSL_PEER_CERT_HASH=SHA256:00", nil),
		"variables": issue("a=b/CN=root,O=x+y\\\"<>#; ", nil),
		"100 kB": issue("big", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 2}, Value: make([]byte, 100_000)}}
		}),
		"NUL": issue("nul", func(c *x509.Certificate) {
			value := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("a\x00SSL_PEER_CERT_HASH=SHA256:00\x00")}
			der, _ := asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: value}}})
			c.RawSubject = der
		}),
		"control characters": issue("\x1b[2J\r\x7f\b\t\x01", nil),
		"4,000 names": issue("many", func(c *x509.Certificate) {
			for i := range 4000 {
				c.DNSNames = append(c.DNSNames, "n"+strconv.Itoa(i)+".example")
			}
		}),
	}
	issuer := p.Intermediate
	for i := range 100 {
		issuer = p.Named("link "+strconv.Itoa(i), pki.Spec{Name: "Link " + strconv.Itoa(i), CA: true, Issuer: issuer})
	}
	list["100 links"] = p.Named(fmt.Sprint("odd links ", use), pki.Spec{Name: "far", DNS: dns, Use: []x509.ExtKeyUsage{use}, Issuer: issuer})
	return list
}

// A client's odd certificate is refused with a line, or prog gets what it says
// in one variable, without anything that could make two of it.
func TestOddClientCertificates(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	for name, cert := range odd(p, x509.ExtKeyUsageClientAuth, nil) {
		for _, v := range versions {
			t.Run(name+" "+v.name, func(t *testing.T) {
				t.Parallel()
				x := serve(t, "s6-tlsd", []string{"-y", "-K", "20000"})
				x.staysSmall(t)
				c := client(t, x.peer, v.tweak, withCert(cert))
				err := c.Handshake()
				if err == nil {
					c.CloseWrite()
				}
				x.stage.l.SetDeadline(time.Now().Add(patience))
				started := make(chan *app, 1)
				go func() {
					<-x.ended
					x.stage.l.Close() // prog never came
				}()
				if conn, e := x.stage.l.Accept(); e == nil {
					a := &app{t: t, conn: conn}
					a.in = json.NewDecoder(conn)
					if e := a.in.Decode(&a.greeting); e != nil {
						t.Fatal(e)
					}
					started <- a
				}
				select {
				case a := <-started:
					for _, item := range a.Env {
						k, value, _ := strings.Cut(item, "=")
						if strings.ContainsAny(value, "\n\r\x1b\x00\x7f\x01\b") && strings.HasPrefix(k, "SSL_") {
							t.Errorf("%q", item)
						}
						if k == "SSL_PEER_CERT_HASH" && !strings.HasPrefix(value, "SHA256:") || value == "SHA256:00" {
							t.Errorf("forged: %q", item)
						}
					}
					a.exit(0)
					x.peer.Close()
					if code := x.code(); code != 0 {
						t.Errorf("exit code %d", code)
					}
				default:
					x.peer.Close()
					if code, out := x.code(), x.stderr(); code != 98 || strings.Count(out, "\n") != 1 {
						t.Errorf("exit code %d, stderr %q", code, out)
					}
				}
			})
		}
	}
}

// The same of a server, to our client.
func TestOddServerCertificates(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	env, _ := material(t)
	for name, cert := range odd(p, x509.ExtKeyUsageServerAuth, []string{pki.Host}) {
		for _, v := range versions {
			t.Run(name+" "+v.name, func(t *testing.T) {
				t.Parallel()
				x := runTunnel(t, "s6-tlsc-io", env)
				cfg := &tls.Config{Certificates: []tls.Certificate{cert.TLS()}}
				v.tweak(cfg)
				c := tls.Server(x.peer, cfg)
				if c.Handshake() == nil {
					c.CloseWrite()
				}
				x.in.Close()
				x.peer.CloseWrite()
				drain(x.peer.TCPConn)
				x.peer.Close()
				x.judge(t)
			})
		}
	}
}

// Half-open handshakes: each costs processes of bounded size, and they go
// when the peers do, or -K ends them. UCSPITLS_HALFOPEN is how many at once:
// 500 in CI, 2,000 in make ci-long, which are some 20,000 tasks.
func TestSlowLoris(t *testing.T) {
	n := 60
	if v, err := strconv.Atoi(os.Getenv("UCSPITLS_HALFOPEN")); err == nil {
		n = v
	}
	t.Run("the peers go", func(t *testing.T) { halfOpen(t, n, 0) })
	t.Run("-K", func(t *testing.T) { halfOpen(t, 50, 3000) })
}

func halfOpen(t *testing.T, n, timeout int) {
	env, _ := material(t)
	r, w := pipe(t)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	server := start(t, spec{program: "s6-tlsserver", args: []string{"-1", "-q", "-H", "-c", strconv.Itoa(n + 10), "-C", strconv.Itoa(n + 10),
		"-K", strconv.Itoa(timeout), "--", "127.0.0.1", "0", "true"}, env: env, files: map[int]*os.File{0: null, 1: w}})
	buf := make([]byte, 16)
	k, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimSpace(string(buf[:k]))
	hello := recordedHello(t)
	conns := make([]net.Conn, n)
	var all sync.WaitGroup
	for i := range conns {
		c, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
		c.Write(hello[:i%len(hello)]) // each at another place
		all.Go(func() {
			c.SetReadDeadline(time.Now().Add(8 * patience))
			for b := make([]byte, 4096); ; {
				if _, err := c.Read(b); err != nil {
					if ne, ok := err.(net.Error); ok && ne.Timeout() {
						t.Error("a half-open connection was not freed")
					}
					return
				}
			}
		})
	}
	worst := 0
	if timeout == 0 && !wait.Until(4*patience, func() bool { return len(children(server.pid)) >= n }) {
		t.Fatalf("only %d of %d connections are served", len(children(server.pid)), n)
	}
	for i, wrapper := range children(server.pid) {
		if i%20 != 0 {
			continue
		}
		for _, pid := range append(children(wrapper), wrapper) {
			worst = max(worst, proc.Memory(pid, "VmRSS:"))
		}
	}
	if worst == 0 && timeout == 0 || worst > 40<<10 {
		t.Errorf("a process that waits takes %d kB", worst)
	}
	if timeout == 0 {
		for _, c := range conns {
			c.Close()
		}
	}
	all.Wait()
	eventually(t, "the end of all tunnels", func() bool { return len(children(server.pid)) == 0 })
	c := handshake(t, dialTap(t, "127.0.0.1:"+port), tls13)
	c.Close()
	syscall.Kill(server.pid, syscall.SIGTERM)
	if code := server.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	out := server.stderr()
	if strings.Contains(out, "goroutine") || strings.Contains(out, "internal") {
		t.Errorf("stderr %q", abbreviate(out))
	}
	t.Logf("%d half-open handshakes, the largest process %d kB", n, worst)
}

// recordedHello is the ClientHello of crypto/tls.
func recordedHello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	go client(t, a).Handshake()
	buf := make([]byte, 4096)
	n, err := b.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// maxResident is far more than a tunnel needs, in kB.
const maxResident = 128 << 10

// staysSmall watches p and its children, and complains of one that takes more
// than maxResident. The ru_maxrss of a process that was made with vfork begins
// with its maker's, which is this test.
func (p *process) staysSmall(t *testing.T) {
	most := make(chan int, 1)
	go func() {
		peak := 0
		for {
			for _, pid := range append(children(p.pid), p.pid) {
				peak = max(peak, proc.Memory(pid, "VmHWM:"))
			}
			select {
			case <-p.ended:
				most <- peak
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case used := <-most:
			if used > maxResident {
				t.Errorf("it took %d kB", used)
			}
		case <-time.After(patience):
		}
	})
}
