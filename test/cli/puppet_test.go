//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucspitls/internal/entry/entrytest"
	"ucspitls/internal/handover"
)

// A puppet is a tunnel that somebody has taken over: in the place of the -io a
// script that writes a blob of the attacker's and goes on, and in the place of
// the shared process a daemon that does it.
type puppet struct {
	dir string // the wrappers, with a puppet as their -io
	iod string // the socket of the daemon, or ""
}

// puppetIO makes a chain's. last is what the script does at the end.
func puppetIO(t *testing.T, blob, last string) puppet {
	t.Helper()
	dir := scratchFolder(t)
	for _, name := range []string{"s6-tlsd", "s6-tlsc", "s6-ucspitlsd", "s6-ucspitlsc"} {
		if err := os.Link(filepath.Join(bin, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/blob", []byte(blob), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s6-tlsd-io", "s6-tlsc-io"} {
		if err := entrytest.WriteProgram(filepath.Join(dir, name), []byte("#!/bin/sh\ncat "+dir+"/blob >&5\n"+last+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	return puppet{dir: dir}
}

// puppetIOD makes a shared process of the attacker's, for one session: blob to
// the descriptor that wants it, then messages to the wrapper. It stays until the
// wrapper is gone.
func puppetIOD(t *testing.T, blob string, messages ...string) puppet {
	t.Helper()
	p := puppetIO(t, "", "exit 99") // if it is started that is seen
	p.iod = filepath.Join(socketDir(t, nil), "s")
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(l, &syscall.SockaddrUnix{Name: p.iod}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(l, 4); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Shutdown(l, syscall.SHUT_RDWR); syscall.Close(l) })
	go func() {
		n, _, err := syscall.Accept4(l, syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		defer syscall.Close(n)
		b, rights := make([]byte, handover.MaxMessage+1), make([]byte, 1024)
		syscall.Read(n, b)
		syscall.Sendto(n, handover.Go, syscall.MSG_NOSIGNAL, nil)
		m, oobn, _, _, err := syscall.Recvmsg(n, b, rights, syscall.MSG_CMSG_CLOEXEC)
		if m <= 0 || err != nil {
			return
		}
		scm, _ := syscall.ParseSocketControlMessage(rights[:oobn])
		fds, _ := syscall.ParseUnixRights(&scm[0])
		for i, role := range b[1:m] {
			if role == handover.Notify {
				fdFile(fds[i]).Write([]byte(blob))
				syscall.Close(fds[i])
				fds[i] = -1
			}
		}
		for _, message := range messages {
			syscall.Sendto(n, []byte(message), syscall.MSG_NOSIGNAL, nil)
		}
		syscall.Read(n, b) // its end
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}()
	return p
}

// start starts program on a connection with an app behind it.
func (p puppet) start(t *testing.T, program string, env ...string) *server {
	t.Helper()
	peer, sock := network(t)
	x := &server{stage: newStage(t), peer: peer}
	if p.iod != "" {
		env = append(env, "TLS_IOD="+p.iod)
	}
	first := 0
	if strings.HasSuffix(program, "c") {
		first = 6
	}
	x.process = start(t, spec{program: filepath.Join(p.dir, program), args: append([]string{"--", "env"}, x.stage.prog()[1:]...), // looked up in PATH
		env: append([]string{x.stage.env()}, env...), files: map[int]*os.File{first: sock, first + 1: dup(t, sock)}})
	return x
}

const honest = "SSL_PROTOCOL=TLSv1.3\x00SSL_CIPHER=TLS_AES_128_GCM_SHA256\x00"

// blobs are what a tunnel that was taken over may send, and the line of its
// wrapper.
var blobs = []struct{ name, blob, line string }{
	{"PATH", honest + "PATH=/evil:/bin\x00\x00", "the TLS process sent a variable that it may not set: PATH"},
	{"LD_PRELOAD", "LD_PRELOAD=/evil.so\x00" + honest + "\x00", "the TLS process sent a variable that it may not set: LD_PRELOAD"},
	{"LD_LIBRARY_PATH", "LD_LIBRARY_PATH=/evil\x00\x00", "the TLS process sent a variable that it may not set: LD_LIBRARY_PATH"},
	{"BASH_ENV", honest + "BASH_ENV=$(id)\x00\x00", "the TLS process sent a variable that it may not set: BASH_ENV"},
	{"ENV", honest + "ENV=/evil\x00\x00", "the TLS process sent a variable that it may not set: ENV"},
	{"IFS", honest + "IFS=/\x00\x00", "the TLS process sent a variable that it may not set: IFS"},
	{"PERL5OPT", honest + "PERL5OPT=-M-evil\x00\x00", "the TLS process sent a variable that it may not set: PERL5OPT"},
	{"NODE_OPTIONS", honest + "NODE_OPTIONS=--require=/evil\x00\x00", "the TLS process sent a variable that it may not set: NODE_OPTIONS"},
	{"a peer's address", honest + "TCPREMOTEIP=127.0.0.1\x00\x00", "the TLS process sent a variable that it may not set: TCPREMOTEIP"},
	{"RELAYCLIENT", honest + "RELAYCLIENT=\x00\x00", "the TLS process sent a variable that it may not set: RELAYCLIENT"},
	{"a descriptor", honest + "SSLREADFD=0\x00\x00", "the TLS process sent a variable that it may not set: SSLREADFD"},
	{"mod_ssl", honest + "SSL_CLIENT_S_DN=/CN=admin\x00\x00", "the TLS process sent a variable that it may not set: SSL_CLIENT_S_DN"},
	{"lower case", honest + "ssl_protocol=TLSv1.3\x00\x00", "the TLS process sent a variable that it may not set: ssl_protocol"},
	{"a name with a line feed", "SSL\nX=1\x00\x00", `the TLS process sent a variable that it may not set: SSL\x0AX`},
	{"a bare name", honest + "PATH\x00\x00", "the TLS process sent a variable that it may not set: PATH"},
	{"no name", "=x\x00\x00", "the TLS process sent a variable that it may not set: "},
	{"twice", honest + "SSL_PROTOCOL=TLSv1.2\x00\x00", "the TLS process sent SSL_PROTOCOL twice"},
	{"a version", "SSL_PROTOCOL=TLSv9\x00\x00", "the TLS process sent a malformed SSL_PROTOCOL"},
	{"a cipher that is a command", "SSL_CIPHER=$(id)\x00\x00", "the TLS process sent a malformed SSL_CIPHER"},
	{"a long cipher", "SSL_CIPHER=" + strings.Repeat("A", 65) + "\x00\x00", "the TLS process sent a malformed SSL_CIPHER"},
	{"a name that is an option", "SSL_TLS_SNI_SERVERNAME=-rf\x00\x00", "the TLS process sent a malformed SSL_TLS_SNI_SERVERNAME"},
	{"a name that is an address", "SSL_TLS_SNI_SERVERNAME=127.0.0.1\x00\x00", "the TLS process sent a malformed SSL_TLS_SNI_SERVERNAME"},
	{"a hash", "SSL_PEER_CERT_HASH=SHA256:00\x00\x00", "the TLS process sent a malformed SSL_PEER_CERT_HASH"},
	{"a subject with a control", "SSL_PEER_CERT_SUBJECT=/CN=\x1b[2J\x00\x00", "the TLS process sent a malformed SSL_PEER_CERT_SUBJECT"},
	{"a subject with C1", "SSL_PEER_CERT_SUBJECT=/CN=\xc2\x9b\x00\x00", "the TLS process sent a malformed SSL_PEER_CERT_SUBJECT"},
	{"a protocol with a line feed", "SSL_ALPN=h2\n\x00\x00", "the TLS process sent a malformed SSL_ALPN"},
	{"an empty value", "SSL_ALPN=\x00\x00", "the TLS process sent a malformed SSL_ALPN"},
	{"too long", "SSL_PEER_CERT_SUBJECT=/" + strings.Repeat("x", 100<<10) + "\x00\x00", "SSL_PEER_CERT_SUBJECT of the peer is too long for the environment"},
	{"endless", strings.Repeat("x", 1<<20), "the peer's information is too long"},
	{"cut", honest, "the TLS process ended while it sent its information"},
	{"bytes behind its end", honest + "\x00\x00", "the TLS process ended while it sent its information"},
}

// TestHostileTunnel: what an immediate wrapper believes of its tunnel is a
// closed list, and a tunnel that says anything else is a dead one.
func TestHostileTunnel(t *testing.T) {
	t.Parallel()
	chainOnly(t, "it has daemons of its own")
	refused := func(t *testing.T, x *server, program, line string) {
		t.Helper()
		x.expect(98, program+": fatal: "+line) // at the end of stderr the tunnel is gone too
		if x.stage.started() {
			t.Error("prog was started")
		}
	}
	for _, c := range blobs {
		for _, program := range []string{"s6-tlsd", "s6-tlsc"} {
			t.Run(program+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				last := "exec 5>&-; exec sleep 600" // it is ended
				if strings.HasPrefix(c.line, "SSL_") {
					last = "exec 5>&-; [ ${0##*/} = s6-tlsc-io ] || exec <&3; until cat 2>/dev/null; do sleep 0.01; done" // the peer's doing: it ends with its pipes, which do not block
				}
				refused(t, puppetIO(t, c.blob, last).start(t, program), program, c.line)
			})
		}
		t.Run("shared/"+c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, puppetIOD(t, c.blob).start(t, "s6-tlsd"), "s6-tlsd", c.line)
		})
	}
	// The same puppets, honest: prog has what they say, and nothing else.
	accepted := func(t *testing.T, x *server) {
		t.Helper()
		a := x.stage.app()
		if v, _ := a.lookup("SSL_CIPHER"); v != "TLS_AES_128_GCM_SHA256" {
			t.Errorf("SSL_CIPHER=%s", v)
		}
		a.exit(0)
		x.expect(0, "")
	}
	t.Run("honest", func(t *testing.T) {
		accepted(t, puppetIO(t, honest+"\x00", "exec 5>&-").start(t, "s6-tlsd"))
		accepted(t, puppetIO(t, honest+"\x00", "exec 5>&-").start(t, "s6-tlsc"))
		accepted(t, puppetIOD(t, honest+"\x00").start(t, "s6-tlsd"))
	})
}

// TestHostileEnd: the exit code of a tunnel that had no session is one of the
// table, or the wrapper's is.
func TestHostileEnd(t *testing.T) {
	t.Parallel()
	chainOnly(t, "it has daemons of its own")
	for _, c := range []struct {
		end  string // of the script
		code int
		line string
	}{
		{"exit 96", 96, ""}, {"exit 97", 97, ""}, {"exit 98", 98, ""}, {"exit 100", 100, ""}, {"exit 101", 101, ""}, {"exit 111", 111, ""},
		{"kill -KILL $$", 128 + 9, ""},
		{"exit 0", 98, "the TLS process ended without a handshake, exit code 0"},
		{"exit 1", 98, "the TLS process ended without a handshake, exit code 1"},
		{"exit 99", 98, "the TLS process ended without a handshake, exit code 99"}, // to qmail: no error at all
		{"exit 126", 98, "the TLS process ended without a handshake, exit code 126"},
		{"exit 255", 98, "the TLS process ended without a handshake, exit code 255"},
	} {
		if c.line != "" {
			c.line = "s6-tlsd: fatal: " + c.line
		}
		puppetIO(t, "", c.end).start(t, "s6-tlsd").expect(c.code, c.line)
	}
	// The same of a worker. Behind an immediate tool nobody else gets a code of it.
	for _, c := range []struct {
		code    byte
		delayed int // the waiting process's
		reason  string
	}{
		{0, 0, ""}, {96, 96, ""}, {98, 98, ""}, {111, 111, ""}, {1, 98, "1"}, {99, 98, "99"}, {127, 98, "127"}, {255, 98, "255"},
	} {
		fatal := func(program string) string {
			if c.reason == "" {
				return ""
			}
			return program + ": fatal: the shared tunnel process gave a session the exit code " + c.reason
		}
		end := "E" + string([]byte{c.code})
		x := puppetIOD(t, "", end).start(t, "s6-ucspitlsd")
		a := x.stage.app()
		a.write(a.ctl, "y")
		if got := a.wait(); got != c.delayed {
			t.Errorf("code %d: the waiting process ended with %d", c.code, got)
		}
		a.exit(0)
		x.expect(0, fatal("s6-ucspitlsd"))
		x = puppetIOD(t, "", end).start(t, "s6-tlsd")
		if c.code == 0 {
			x.expect(98, "s6-tlsd: fatal: the TLS process ended without a handshake, exit code 0")
		} else {
			x.expect(c.delayed, fatal("s6-tlsd"))
		}
	}
}
