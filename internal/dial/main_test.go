package dial

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/resolve/resolvetest"
	"ucspitls/test/lab/launch"
	"ucspitls/test/lab/wait"
)

var world *resolvetest.World

func TestMain(m *testing.M) { resolvetest.Main(m, "../..", &world) }

const patience = wait.Patience

// A server is a TLS echo server, which remembers who came and for which name.
type server struct {
	port string

	mu    sync.Mutex
	peers []string
	names []string
}

// serve starts a server on an address until the end of the test.
func serve(t *testing.T, address string) *server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	config := &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.P256).TLS()}}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.peers = append(s.peers, hello.Conn.RemoteAddr().String())
		s.names = append(s.names, hello.ServerName)
		return nil, nil
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				s := tls.Server(c, config)
				io.Copy(s, s)
				s.Close()
			})
		}
	})
	return s
}

func (s *server) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.names, " ")
}

// A result is a run of s6-tlsclient.
type result struct {
	launch.Result
	took time.Duration
}

// environment is stdout of a prog that writes its environment.
func (r *result) environment() map[string]string { return resolvetest.Environ(r.Stdout) }

// client runs s6-tlsclient, which trusts the test root. stale variables surround it.
func client(t *testing.T, args ...string) *result {
	t.Helper()
	ca := pki.WriteFile(t, t.TempDir(), "ca.pem", pki.New(t).Root.CertPEM())
	begin := time.Now()
	r := launch.Output(t, launch.Spec{Path: world.Bin + "/s6-tlsclient", Argv: append([]string{"s6-tlsclient"}, args...),
		Env: append(os.Environ(), "CAFILE="+ca, "TCPREMOTEHOST=stale", "TCPLOCALHOST=stale", "TCPREMOTEINFO=stale", "TCPCONNNUM=stale", "TCPREMOTEIP=stale")})
	return &result{r, time.Since(begin)}
}

// with is client with the options and operands as one string, and a prog.
func with(t *testing.T, args string, prog ...string) *result {
	t.Helper()
	return client(t, append(strings.Fields(args), prog...)...)
}
