//go:build linux

package cli

import (
	"crypto/tls"
	"os"
	"slices"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// A server is a server tool with an app behind it and a peer in front.
type server struct {
	*process
	stage *stage
	peer  *tap
}

// material is the usual environment of a server: a chain of P-256, its key,
// the anchors for clients, in files of a directory of its own.
func material(t *testing.T) (env []string, dir string) {
	t.Helper()
	p := pki.New(t)
	dir = t.TempDir()
	cert, key := p.Server(pki.P256).WriteFiles(t, dir, "server")
	ca := pki.WriteFile(t, dir, "ca.pem", p.Root.CertPEM())
	return slices.Clip(append([]string{"CERTFILE=" + cert, "KEYFILE=" + key, "CAFILE=" + ca}, guardAll...)), dir
}

// serve starts a server tool on an accepted connection. args go before "--".
// More env wins over the material's.
func serve(t *testing.T, program string, args []string, env ...string) *server {
	t.Helper()
	base, _ := material(t)
	return serveWith(t, spec{program: program, args: args, env: override(base, env)})
}

func serveWith(t *testing.T, s spec) *server {
	t.Helper()
	peer, sock := network(t)
	x := &server{stage: newStage(t), peer: peer}
	s.args = append(append([]string{}, s.args...), x.stage.prog()...)
	s.env = append(slices.Clip(s.env), x.stage.env()) // sessions at the same time share the rest
	if s.files == nil {
		s.files = map[int]*os.File{}
	}
	s.files[0], s.files[1] = sock, dup(t, sock)
	x.process = start(t, s)
	return x
}

// override replaces variables; "NAME" without a value removes one.
func override(base, with []string) []string {
	var env []string
	for _, item := range base {
		name, _, _ := strings.Cut(item, "=")
		replaced := false
		for _, w := range with {
			n, _, _ := strings.Cut(w, "=")
			replaced = replaced || n == name
		}
		if !replaced {
			env = append(env, item)
		}
	}
	for _, w := range with {
		if strings.Contains(w, "=") {
			env = append(env, w)
		}
	}
	return env
}

// talk starts a tool and brings it to where prog and peer talk over TLS. For a
// delayed tool the app has sent "y".
func talk(t *testing.T, program string, args []string, tweaks ...tweak) (*server, *app, *tls.Conn) {
	t.Helper()
	x := serve(t, program, args)
	a, c := x.talk(t, program, tweaks...)
	return x, a, c
}

// talk brings a tool that was started to where prog and peer talk.
func (x *server) talk(t *testing.T, program string, tweaks ...tweak) (a *app, c *tls.Conn) {
	t.Helper()
	if delayed(program) {
		a = x.stage.app()
		a.write(a.ctl, "y")
	}
	c = handshake(t, x.peer, tweaks...)
	if a == nil {
		a = x.stage.app()
	}
	return a, c
}

func delayed(program string) bool { return strings.HasPrefix(program, "s6-ucspi") }

// servers are the two tools that most of this is about.
var servers = []string{"s6-ucspitlsd", "s6-tlsd"}

// eachServer runs a test for both tools and both versions of TLS, in parallel.
func eachServer(t *testing.T, test func(t *testing.T, program string, version tweak)) {
	t.Parallel()
	for _, program := range servers {
		for _, v := range versions {
			t.Run(program+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				test(t, program, v.tweak)
			})
		}
	}
}
