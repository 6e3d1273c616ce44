//go:build linux

package listen

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	lab "ucspitls/test/lab/launch"
	"ucspitls/test/lab/wait"
)

// slowly is a client that has taken a little and takes no more: the tunnel
// lives on when prog has ended.
func (p *process) slowly(t *testing.T) *tls.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2304) })
	}}
	raw, err := d.Dial("tcp", net.JoinHostPort(p.ip, p.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	raw.SetDeadline(time.Now().Add(patience))
	c := tls.Client(raw, p.config())
	if _, err := io.ReadFull(c, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	return c
}

// each runs a test with tunnels of their own and with a shared process.
func each(t *testing.T, test func(t *testing.T, start func(opts string, prog ...string) *process)) {
	t.Run("chain", func(t *testing.T) {
		test(t, func(opts string, prog ...string) *process { return start(t, opts, prog...) })
	})
	t.Run("shared", func(t *testing.T) {
		test(t, func(opts string, prog ...string) *process {
			cmd := command(t, strings.Fields(opts), "127.0.0.1", prog...)
			path := t.TempDir() + "/s"
			iod := lab.Run(t, lab.Spec{Path: world.Bin + "/s6-tlsd-iod", Argv: []string{"s6-tlsd-iod", "-d1", path}, Env: cmd.Env, Files: map[int]*os.File{0: lab.Null()}, Stdout: true})
			if line, ok := iod.Line(); line != "" || !ok {
				t.Fatalf("the shared process says %q", line)
			}
			cmd.Env = append(cmd.Env, "TLS_IOD="+path)
			return boot(t, cmd, "127.0.0.1")
		})
	})
}

// pours is a prog that writes more than all buffers of a slow connection and
// then ends: what it wrote last is in its pipe.
var pours = []string{"sh", "-c", "head -c 200000 /dev/zero & sleep 0.3; kill $! 2>/dev/null; exit 5"}

// TestCountTunnels: with --count-tunnels a connection counts until its tunnel
// has ended, under its address; without it as long as prog.
func TestCountTunnels(t *testing.T) {
	each(t, func(t *testing.T, start func(string, ...string) *process) {
		p := start("-H -v -c 3 -C 2 --count-tunnels", pours...)
		first := p.slowly(t)
		_, n := p.expect(0, "info: accept ", " count 1/2")
		_, n = p.expect(n, "info: end pid ", " exitcode 5 count 1/2")
		_, n = p.expect(n, "info: status: 1/3")
		second := p.slowly(t)
		_, n = p.expect(n, "info: accept ", " count 2/2")
		_, n = p.expect(n, "info: end pid ", " exitcode 5 count 2/2")
		// There is no third one.
		third := p.tcp()
		if b, err := io.ReadAll(third); len(b) > 0 || err != nil {
			t.Errorf("a rejected connection: %q, %v", b, err)
		}
		_, n = p.expect(n, "info: reject 127.0.0.1_", " count 2/2")
		// A tunnel ends: its peer takes everything, or goes.
		io.Copy(io.Discard, first)
		first.Close()
		_, n = p.expect(n, "info: end tunnel 127.0.0.1_"+port(first.LocalAddr())+" count 1/2")
		_, n = p.expect(n, "info: status: 1/3")
		second.NetConn().Close()
		_, n = p.expect(n, "info: end tunnel 127.0.0.1_"+port(second.LocalAddr())+" count 0/2")
		_, n = p.expect(n, "info: status: 0/3")
		// And there is room again.
		last := p.session()
		p.expect(n, "info: accept ", " count 1/2")
		last.Close()
	})
	t.Run("without", func(t *testing.T) {
		p := start(t, "-H -v -c 1", pours...)
		for range 3 {
			p.slowly(t)
		}
		p.expect(0, "info: end pid ", " exitcode 5 count 0/1")
	})
}

func port(a net.Addr) string { return strconv.Itoa(a.(*net.TCPAddr).Port) }

// TestCountTunnelsGlobally: at the limit of -c nothing is accepted until a
// tunnel has ended.
func TestCountTunnelsGlobally(t *testing.T) {
	p := start(t, "-H -v -c 1 --count-tunnels", pours...)
	first := p.slowly(t)
	_, n := p.expect(0, "info: end pid ", " count 1/1")
	waits := p.tcp()
	first.NetConn().Close()
	_, n = p.expect(n, "info: end tunnel ", " count 0/1")
	p.expect(n, "info: accept 127.0.0.1_"+port(waits.LocalAddr())+" ")
	for _, line := range p.lines()[:n-1] {
		if strings.Contains(line, "status: 2/") || strings.Contains(line, port(waits.LocalAddr())) {
			t.Errorf("beyond the limit: %s", line)
		}
	}
}

// TestKernelKnowsConnections: what is asked about is one connection, not the
// listener or another one with the same addresses.
func TestKernelKnowsConnections(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1", "0.0.0.0", "::"} {
		network := "tcp4"
		if strings.Contains(ip, ":") {
			network = "tcp6"
		}
		l, err := net.ListenTCP(network, &net.TCPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			t.Log(err)
			continue
		}
		defer l.Close()
		lf, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer lf.Close()
		k, err := newTunnels(int(lf.Fd()))
		if err != nil {
			t.Fatal(ip, err)
		}
		to := *l.Addr().(*net.TCPAddr)
		to.IP = net.IPv4(127, 0, 0, 1)
		if strings.Contains(ip, ":") {
			to.IP = net.IPv6loopback
		}
		peer, err := net.DialTCP("tcp", nil, &to)
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		ours, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		f, err := ours.File()
		if err != nil {
			t.Fatal(err)
		}
		ours.Close()
		remote := peer.LocalAddr().(*net.TCPAddr).AddrPort()
		c, err := k.identify(int(f.Fd()), remote)
		if err != nil || c.cookie == noCookie || !k.owned(c) {
			t.Fatalf("%s: %v, %+v", ip, err, c)
		}
		other := c
		other.cookie++
		if k.owned(other) {
			t.Error("another connection with the same addresses is taken for it")
		}
		f.Close() // the peer has not: in FIN-WAIT-2 there is a socket and nobody has it
		if k.owned(c) {
			t.Errorf("%s: nobody has it any more", ip)
		}
		peer.SetLinger(0)
		peer.Close()
		wait.Eventually(t, "the end of the socket", func() bool { s, err := k.ask(c); return err != nil || s.inode == 0 })
		if k.owned(c) {
			t.Errorf("%s: it is gone", ip)
		}
		syscall.Close(k.kernel)
	}
}

// TestNoDiag: where the kernel does not answer, the option is refused at the start.
func TestNoDiag(t *testing.T) {
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(p[0])
	defer syscall.Close(p[1])
	_, err := newTunnels(p[0]) // no listener is there
	if err == nil || !strings.HasPrefix(err.Error(), "--count-tunnels: the kernel does not tell about connections (sock_diag): ") {
		t.Error(err)
	}
}
