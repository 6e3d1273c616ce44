//go:build linux

package cli

import (
	"crypto/tls"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestLocalNetwork: a connection may be one of this machine alone (AF_UNIX), in
// the sandbox too.
func TestLocalNetwork(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"s6-tlsd", "s6-ucspitlsd"} {
		env, _ := material(t)
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(pair[0]), ""), os.NewFile(uintptr(pair[1]), "")
		peer, err := net.FileConn(ours)
		ours.Close()
		if err != nil {
			t.Fatal(err)
		}
		s := newStage(t)
		p := start(t, spec{program: program, args: s.prog(), env: append(env, s.env()), files: map[int]*os.File{0: theirs, 1: dup(t, theirs)}})
		var a *app
		if program == "s6-ucspitlsd" {
			a = s.app()
			a.write(a.ctl, "Y, and more that nobody reads")
		}
		c := tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			t.Fatalf("%s: %v: %s", program, err, p.stderr())
		}
		if a == nil {
			a = s.app()
		}
		echo(t, a, c)
		c.Close()
		a.exit(0)
		p.expect(0, "")
	}
}
