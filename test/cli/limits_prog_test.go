//go:build linux

package cli

import (
	"os"
	"os/exec"
	"testing"
)

// A mail run script's limits and signals: the tools run under them and prog
// has them.
func TestLimitsAndSignalsOfProg(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	const (
		limits = "ulimit -Sv 20000; ulimit -Sd 20000; trap '' PIPE USR1 TERM; "
		ask    = "ulimit -Sv; ulimit -Sd; grep SigIgn /proc/self/status; cat"
	)
	want, err := exec.Command("sh", "-c", limits+"exec sh -c '"+ask+"' </dev/null").Output()
	if err != nil || len(want) == 0 {
		t.Fatalf("%q, %v", want, err)
	}
	env, _ := material(t)
	peer, sock := network(t)
	p := start(t, spec{program: "/bin/sh", args: []string{"-c", limits + `exec "$0" -- sh -c '` + ask + "'", bin + "/s6-tlsd"}, env: env,
		files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
	c := handshake(t, peer)
	c.Write([]byte("and it works"))
	c.CloseWrite()
	expectPeer(t, c, string(want)+"and it works", false)
	c.Close()
	p.expect(0, "")
}
