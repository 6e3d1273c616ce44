//go:build linux

package cli

import (
	"os"
	"strings"
	"testing"

	"ucspitls/test/need"
)

// A client of TLS 1.2 that asks for renegotiation is refused.
func TestRenegotiation(t *testing.T) {
	t.Parallel()
	openssl := need.Program(t, "openssl", "openssl")
	env, dir := material(t)
	l, accepted := listen(t)
	done := make(chan *process, 1)
	go func() {
		if sock, ok := <-accepted; ok {
			done <- start(t, spec{program: "s6-tlsd", args: []string{"--", "cat"}, env: env, files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
		}
	}()
	out := converse(t, "R\n", openssl, "s_client", "-connect", l, "-CAfile", dir+"/ca.pem", "-tls1_2")
	if !strings.Contains(out, "RENEGOTIATING\n") {
		t.Errorf("s_client said:\n%s", out)
	}
	p := <-done
	p.code()
	// Which alert it is depends on the backend.
	log := p.stderr()
	if !strings.HasPrefix(log, "s6-tlsd-io: fatal: the peer asked for renegotiation (sent alert ") || strings.Count(log, "\n") != 1 {
		t.Errorf("stderr %q", log)
	}
}
