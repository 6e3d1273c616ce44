//go:build linux

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/lab/launch"
)

// A dialled is a client tool with an app behind it and a server in front: a
// program that s6-tcpclient would have started, with the connection on 6 and 7.
type dialled struct {
	*process
	stage *stage
	peer  *tap
	wait  bool // a delayed tool
}

// clients are the two client tools.
var clients = []string{"s6-ucspitlsc", "s6-tlsc"}

// trusting is the usual environment of a client: the anchors, and a
// certificate of its own for -y.
func trusting(t *testing.T) (env []string, dir string) {
	t.Helper()
	p := pki.New(t)
	dir = t.TempDir()
	cert, key := p.Client(pki.P256).WriteFiles(t, dir, "client")
	ca := pki.WriteFile(t, dir, "ca.pem", p.Root.CertPEM())
	return append([]string{"CERTFILE=" + cert, "KEYFILE=" + key, "CAFILE=" + ca}, guardAll...), dir
}

// dial starts a client tool on a connection. args go before "--".
// More env wins over that of trusting.
func dial(t *testing.T, program string, args []string, env ...string) *dialled {
	t.Helper()
	base, _ := trusting(t)
	return dialWith(t, spec{program: program, args: args, env: override(base, env)})
}

func dialWith(t *testing.T, s spec) *dialled {
	t.Helper()
	peer, sock := network(t)
	x := &dialled{stage: newStage(t), peer: peer, wait: delayed(s.program)}
	s.args = append(append([]string{}, s.args...), x.stage.prog()...)
	s.env = append(slices.Clip(s.env), x.stage.env()) // sessions at the same time share the rest
	if s.files == nil {
		s.files = map[int]*os.File{}
	}
	for n := range 2 {
		if _, given := s.files[n]; !given {
			s.files[n] = devNull(t)
		}
	}
	if _, given := s.files[6]; !given {
		s.files[6], s.files[7] = sock, dup(t, sock)
	} else {
		sock.Close()
	}
	x.process = start(t, s)
	return x
}

func devNull(*testing.T) *os.File { return launch.Null() }

// app waits for prog. An immediate client's talks on 6 and 7.
func (x *dialled) app() *app {
	x.t.Helper()
	a := x.stage.app()
	if !x.wait {
		a.rd, a.wr = 6, 7
	}
	return a
}

// answering is a crypto/tls server over conn. It shakes hands with the first use.
func answering(t *testing.T, conn *tap, tweaks ...tweak) *tls.Conn {
	c := &tls.Config{Certificates: []tls.Certificate{pki.New(t).Server(pki.P256).TLS()}}
	for _, f := range tweaks {
		f(c)
	}
	return tls.Server(conn, c)
}

func showing(cert *pki.Cert) tweak {
	return func(c *tls.Config) { c.Certificates = []tls.Certificate{cert.TLS()} }
}

// demanding is a server that wants a client's certificate and verifies it.
func demanding(t *testing.T) tweak {
	pool := x509.NewCertPool()
	pool.AddCert(pki.New(t).Root.X509)
	return func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool }
}

// meet starts a client tool and brings it to where prog and server talk over
// TLS. For a delayed tool the app has sent command.
func meet(t *testing.T, program, command string, args []string, tweaks ...tweak) (*dialled, *app, *tls.Conn) {
	t.Helper()
	x := dial(t, program, args)
	a, c := x.greet(command, tweaks...)
	return x, a, c
}

func (x *dialled) greet(command string, tweaks ...tweak) (a *app, c *tls.Conn) {
	x.t.Helper()
	if x.wait {
		a = x.app()
		a.write(a.ctl, command)
	}
	c = answering(x.t, x.peer, tweaks...)
	if err := c.Handshake(); err != nil {
		x.t.Fatalf("the server's handshake: %v", err)
	}
	if a == nil {
		a = x.app()
	}
	return a, c
}

// eachClient runs a test for both client tools and both versions of TLS, in parallel.
func eachClient(t *testing.T, test func(t *testing.T, program string, version tweak)) {
	t.Parallel()
	for _, program := range clients {
		for _, v := range versions {
			t.Run(program+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				test(t, program, v.tweak)
			})
		}
	}
}

// opposite is a crypto/tls peer of a tool: a client of a server's, a server of a client's.
func opposite(t *testing.T, program string, conn *tap, tweaks ...tweak) *tls.Conn {
	t.Helper()
	if isServerTool(program) {
		return client(t, conn, tweaks...)
	}
	return answering(t, conn)
}
