//go:build linux

package cli

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// named adds a pair for a server name to env.
func named(t *testing.T, env []string, dir, name string, c *pki.Cert) []string {
	t.Helper()
	chain, key := c.WriteFiles(t, dir, strings.NewReplacer("*", "_", ".", "_").Replace(name))
	return append(env, "CERTFILE:"+name+"="+chain, "KEYFILE:"+name+"="+key)
}

// A pair is found by the name in its variables. What its certificate says
// does not count.
func TestPairIsChosenByItsVariable(t *testing.T) {
	t.Parallel()
	p := pki.New(t)
	def := p.Server(pki.P256)
	foo := p.Issue(pki.Spec{Name: "foo", Issuer: p.Intermediate, DNS: []string{"foo.example.com"}})
	for _, c := range []struct {
		variable, level, ask string
		want                 *pki.Cert // nil: refused
	}{
		{"bar.test", "-k1", "bar.test", foo},
		{"bar.test", "-k1", "foo.example.com", def},
		{"bar.test", "-k2", "bar.test", foo},
		{"bar.test", "-k2", "foo.example.com", nil},
		{"*.example.com", "-k1", "x.example.com", foo},
		{"*.example.com", "-k1", "X.EXAMPLE.COM", foo},
		{"*.Example.Com", "-k1", "x.example.com", foo},
		{"*.example.com", "-k1", "example.com", def},
		{"*.example.com", "-k1", "a.b.example.com", def},
		{"*.example.com", "-k1", "*.example.com", def},
		{"*.example.com", "-k2", "*.example.com", nil},
		{"*.com", "-k1", "example.com", def},
		{"*.com", "-k2", "example.com", nil},
		{"*.com.", "-k2", "example.com", nil},
		{"*", "-k1", "example", def},
		{"*.*.com", "-k1", "a.b.com", def},
		{"a.*.com", "-k1", "a.b.com", def},
		{"x*.example.com", "-k1", "xy.example.com", def},
		{"bar.test.", "-k1", "bar.test", foo},
		{"BAR.test.", "-k2", "bar.TEST", foo},
		{"x_y.example", "-k1", "x_y.example", foo},
	} {
		for _, program := range servers {
			t.Run(program+" "+c.variable+" "+c.level+" "+c.ask, func(t *testing.T) {
				t.Parallel()
				env, dir := material(t)
				env = named(t, env, dir, c.variable, foo)
				x := serveWith(t, spec{program: program, args: []string{c.level}, env: env})
				var a *app
				if delayed(program) {
					a = x.stage.app()
					a.write(a.ctl, "Y")
				}
				if c.want == nil {
					if alert := hello(askFor(c.ask))(t, x.peer); alert != "unrecognized_name" {
						t.Errorf("alert %q", alert)
					}
					x.peer.Close()
					const line = "s6-tlsd-io: fatal: handshake failed: no certificate for the server name that the client asked for (sent alert unrecognized_name)"
					if a == nil {
						x.expect(98, line)
						return
					}
					a.expectEnd(a.ctl, "")
					a.expectWait(98)
					a.exit(0)
					x.expect(0, line)
					return
				}
				conn := handshake(t, x.peer, askFor(c.ask))
				if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(c.want.X509) {
					t.Errorf("the peer was shown the certificate of %v", got.Subject)
				}
				if a == nil {
					a = x.stage.app()
				}
				x.finish(a, conn)
			})
		}
	}
}

// A name with a trailing dot on the wire is malformed (RFC 6066, 3), at every level.
func TestTrailingDotOnTheWire(t *testing.T) {
	t.Parallel()
	openssl := need.Program(t, "openssl", "openssl")
	for _, level := range []string{"-k0", "-k1", "-k2"} {
		for _, v := range []string{"-tls1_2", "-tls1_3"} {
			t.Run(level+" "+v, func(t *testing.T) {
				t.Parallel()
				env, dir := material(t)
				env = named(t, env, dir, "foo.example.com", pki.New(t).Server(pki.P384))
				at := inetd(t, spec{program: "s6-tlsd", args: []string{level, "--", "cat"}, env: env})
				cmd := exec.Command(openssl, "s_client", "-connect", at.address, "-servername", "foo.example.com.", v)
				out, _ := cmd.CombinedOutput()
				if !strings.Contains(strings.ToLower(string(out)), "decode error") {
					t.Errorf("s_client said:\n%s", out)
				}
				at.expect(t, 98, "s6-tlsd-io: fatal: handshake failed: the peer sent a bad handshake message (sent alert decode_error)")
			})
		}
	}
}

// -k2 without a name, or without TLS extensions at all, is refused like an unknown one.
func TestNoServerName(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		env, dir := material(t)
		env = named(t, env, dir, "foo.example.com", pki.New(t).Server(pki.P384))
		x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-k1"}, env: env})
		c := handshake(t, x.peer, noName, v.tweak)
		if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(pki.New(t).Server(pki.P256).X509) {
			t.Errorf("the peer was shown the certificate of %v", got.Subject)
		}
		a := x.stage.app()
		if v, ok := a.lookup("SSL_TLS_SNI_SERVERNAME"); ok {
			t.Errorf("the server name is %q", v)
		}
		x.finish(a, c)
	}
}

// The files of all names are open when the hello comes. Then all but the
// chosen pair are closed before its key, or another byte of the network, is
// read. The key is a FIFO here, so that the tunnel stops right there.
func TestOnlyTheChosenPairIsOpenWhenItIsRead(t *testing.T) {
	needSight(t)
	withoutGuard(t)
	chainOnly(t, "it reads all pairs when it starts")
	t.Parallel()
	p := pki.New(t)
	env, dir := material(t)
	for _, name := range []string{"a.example", "b.example", "*.c.example"} {
		env = named(t, env, dir, name, p.Server(pki.P384))
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	keyEnd, err := os.OpenFile(fifo, os.O_RDWR, 0) // so that its opening does not wait
	if err != nil {
		t.Fatal(err)
	}
	defer keyEnd.Close()
	env = override(env, []string{"KEYFILE:b.example=" + fifo})
	x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-k2"}, env: env})
	io := child(t, x.pid, "s6-tlsd-io")
	files := func() (open []string) {
		for _, link := range descriptors(io) {
			if strings.HasPrefix(link, dir) {
				open = append(open, filepath.Base(link))
			}
		}
		return open
	}
	eventually(t, "all six files to be open", func() bool { return len(files()) == 6 })
	c := client(t, x.peer, askFor("b.example"))
	done := make(chan error, 1)
	go func() { done <- c.Handshake() }()
	eventually(t, "the others to be closed", func() bool { return len(files()) < 6 })
	eventually(t, "only the key to be open", func() bool { return strings.Join(files(), " ") == "fifo" })
	if err := os.WriteFile(fifo, p.Server(pki.P384).KeyPEM(), 0); err != nil {
		t.Fatal(err)
	}
	keyEnd.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	x.stage.app().exit(0)
	c.Close()
	x.expect(0, "")
}

// During a handshake that the peer holds up nothing is open any more.
func TestNoKeyIsOpenInAStalledHandshake(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		env, dir := material(t)
		for _, name := range []string{"a.example", "b.example"} {
			env = named(t, env, dir, name, pki.New(t).Server(pki.P384))
		}
		x := serveWith(t, spec{program: "s6-tlsd", args: []string{"-k1"}, env: env})
		io := child(t, x.pid, "s6-tlsd-io")
		held, hold := make(chan struct{}), make(chan struct{})
		x.peer.tamper(func(n int, record []byte) ([]byte, bool) {
			if n == 1 {
				close(held)
				<-hold
			}
			return record, false
		})
		c := client(t, x.peer, askFor("a.example"), v.tweak)
		done := make(chan error, 1)
		go func() { done <- c.Handshake() }()
		await(t, held, "the server's first flight")
		for n, link := range descriptors(io) {
			if strings.HasPrefix(link, dir) {
				t.Errorf("%s: descriptor %d is %s", v.name, n, link)
			}
		}
		close(hold)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		x.stage.app().exit(0)
		c.Close()
		x.expect(0, "")
	}
}

// What is in the files that were not chosen does not matter: nobody looks.
func TestFilesOfOtherNamesAreNeverRead(t *testing.T) {
	needSight(t)
	t.Parallel()
	p := pki.New(t)
	trace := need.Program(t, "strace", "strace")
	for _, ask := range []string{"good.example", "unknown.example"} {
		t.Run(ask, func(t *testing.T) {
			t.Parallel()
			env, dir := material(t)
			env = named(t, env, dir, "good.example", p.Server(pki.P384))
			garbage := pki.WriteFile(t, dir, "garbage", []byte("garbage"))
			for _, name := range []string{"other.example", "*.other.example"} {
				env = append(env, "CERTFILE:"+name+"="+garbage, "KEYFILE:"+name+"="+garbage)
			}
			log := filepath.Join(dir, "trace")
			peer, sock := network(t)
			x := start(t, spec{program: trace, args: []string{"-f", "-yy", "-qq", "-e", "trace=read,recvfrom,close,openat", "-o", log, bin + "/s6-tlsd", "-k1", "--", "true"},
				env: env, files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
			c := handshake(t, peer, askFor(ask))
			expectPeer(t, c, "", false)
			c.Close()
			x.expect(0, "")
			data, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			chosen := false
			hello, closed := false, 0
			for line := range strings.Lines(string(data)) {
				switch {
				case strings.Contains(line, "read(") && strings.Contains(line, garbage+">"):
					t.Errorf("read: %s", line)
				case strings.Contains(line, "close(") && strings.Contains(line, garbage+">"):
					closed++
				case strings.Contains(line, "recvfrom(") && strings.Contains(line, `"\26\3\1`):
					hello = true
				case strings.Contains(line, "recvfrom(") && hello && closed < 4 && !strings.Contains(line, "EAGAIN"):
					t.Errorf("the network is read with %d files of other names closed: %s", closed, line)
				case strings.Contains(line, "read(") && strings.Contains(line, "good_example.key>"):
					chosen = true
					if closed < 4 {
						t.Errorf("the key is read with %d files of other names closed", closed)
					}
				}
			}
			if chosen != (ask == "good.example") || closed < 4 || !hello {
				t.Errorf("hello %v, chosen %v, %d closed; the trace:\n%s", hello, chosen, closed, data)
			}
		})
	}
}

// The pairs are read once and only for the name: a client that says hello
// twice (TLS 1.3, HelloRetryRequest) gets the same one.
func TestServerNameAndHelloRetryRequest(t *testing.T) {
	t.Parallel()
	env, dir := material(t)
	foo := pki.New(t).Server(pki.P384)
	env = named(t, env, dir, "foo.example.com", foo)
	// The client guesses none of the server's groups but one that it likes least.
	retry := func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} }
	shown(t, spec{program: "s6-tlsd", args: []string{"-k2"}, env: env}, foo, askFor("foo.example.com"), tls13, retry)
	openssl := need.Program(t, "openssl", "openssl")
	at := inetd(t, spec{program: "s6-tlsd", args: []string{"-S", "-k2", "--", "echo", "twice"}, env: env})
	out, _ := exec.Command(openssl, "s_client", "-connect", at.address, "-servername", "foo.example.com", "-groups", "X448:P-256", "-quiet", "-tls1_3").CombinedOutput()
	if !strings.Contains(string(out), "twice") {
		t.Errorf("s_client said:\n%s", out)
	}
	at.expect(t, 0, "")
}
