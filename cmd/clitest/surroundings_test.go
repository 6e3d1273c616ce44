//go:build linux

package clitest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A mail run script's limits and signals: the tools run under them and prog
// has them.
func TestLimitsAndSignalsOfProg(t *testing.T) {
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

// alone copies a program to a folder in which no other is.
func alone(t *testing.T, program string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(bin, program))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), program)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A tunnel that can't be run after the command: prog and its peer believe in
// TLS, so the connection ends. PATH is not searched.
func TestTunnelCannotBeRun(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"y", "Y"} {
		path := alone(t, "s6-ucspitlsd")
		env, _ := material(t)
		x := serveWith(t, spec{program: path, env: append(env, "PATH="+bin)})
		a := x.stage.app()
		a.write(a.ctl, command)
		a.expectEnd(a.ctl, "")
		a.expectEnd(a.rd, "")
		a.expectWait(127)
		a.expectFault(a.wr, "broken pipe")
		a.expectFault(1, "broken pipe")
		if data, end := drain(x.peer); len(data) != 0 || end != "FIN" {
			t.Errorf("the peer got %q, %s", data, end)
		}
		a.exit(0)
		x.expect(0, "s6-ucspitlsd: fatal: cannot run "+filepath.Dir(path)+"/s6-tlsd-io: no such file or directory")
	}
}

// A client of TLS 1.2 that asks for renegotiation is refused.
func TestRenegotiation(t *testing.T) {
	t.Parallel()
	openssl := need(t, "openssl", "openssl")
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
