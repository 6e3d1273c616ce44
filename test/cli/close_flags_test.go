//go:build linux

package cli

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// How -S, -s, -J and -j of both sides go together, whoever ends first. In
// every case all that was written arrives.

// A side is one end of a session between two of our tools.
type side struct {
	*process
	app   *app
	flags string // of -S or -s, and -J or -j
	io    string // the name of its tunnel
}

func (s *side) notifies() bool { return strings.Contains(s.flags, "S") }
func (s *side) enforces() bool { return strings.Contains(s.flags, "J") }

// both starts a server tool and a client tool on one connection.
func both(t *testing.T, serverFlags, clientFlags, version string) (server, client *side) {
	t.Helper()
	address, accepted := listen(t)
	near := connect(t, address)
	far, ok := <-accepted
	if !ok {
		t.Fatal("no connection")
	}
	begin := func(s spec, flags, io string) (*side, *stage) {
		stage := newStage(t)
		s.args = append(append(s.args, flags), stage.prog()...)
		s.env = append(s.env, stage.env(), "TLS_MIN_VERSION="+version, "TLS_MAX_VERSION="+version)
		return &side{process: start(t, s), flags: flags, io: io}, stage
	}
	senv, _ := material(t)
	cenv, _ := trusting(t)
	server, ss := begin(spec{program: "s6-tlsd", env: senv, files: map[int]*os.File{0: far, 1: dup(t, far)}}, serverFlags, "s6-tlsd-io")
	client, cs := begin(spec{program: "s6-tlsc", args: []string{"-k", pki.Host}, env: cenv,
		files: map[int]*os.File{0: devNull(t), 1: devNull(t), 6: near, 7: dup(t, near)}}, clientFlags, "s6-tlsc-io")
	server.app, client.app = ss.app(), cs.app()
	client.app.rd, client.app.wr = 6, 7
	return server, client
}

func (s *side) drinks(t *testing.T, want int) {
	t.Helper()
	if r := s.app.must(step{Do: "drink", FD: s.app.rd}); r.N != want {
		t.Errorf("prog of %s got %d bytes of %d", s.io, r.N, want)
	}
}

// ends checks the code of the tunnel, which prog may wait for, and its line.
func (s *side) ends(t *testing.T, code int) {
	t.Helper()
	s.app.expectWait(code)
	s.app.exit(0)
	line := ""
	if code != 0 {
		line = s.io + ": fatal: remote closed connection without a close_notify"
	}
	s.expect(0, line)
}

func TestEndsOfTwoOfOurs(t *testing.T) {
	t.Parallel()
	flags := []string{"-sj", "-sJ", "-Sj", "-SJ"}
	const much, less = 300000, 100000
	for _, version := range []string{"1.2", "1.3"} {
		for _, sf := range flags {
			for _, cf := range flags {
				for _, who := range []string{"server", "client"} {
					t.Run(version+" server "+sf+" client "+cf+" "+who+" first", func(t *testing.T) {
						t.Parallel()
						first, second := both(t, sf, cf, version)
						if who == "client" {
							first, second = second, first
						}
						first.app.send(step{Do: "pour", FD: first.app.wr, N: much}, step{Do: "close", FD: first.app.wr})
						second.drinks(t, much)
						for _, r := range first.app.results() {
							if r.Err != "" {
								t.Errorf("prog that ends first: %s", r.Err)
							}
						}
						code := 0
						if first.enforces() && !second.notifies() {
							code = 98
						}
						if second.enforces() && !first.notifies() {
							// Nobody can tell whether that was all: the session fails, and
							// with it what could still be answered. So it is not called
							// complete with a close_notify.
							if first.enforces() {
								code = 98
							}
							second.ends(t, 98)
							first.drinks(t, 0)
							first.ends(t, code)
							return
						}
						second.app.play(step{Do: "pour", FD: second.app.wr, N: less}, step{Do: "close", FD: second.app.wr})
						first.drinks(t, less)
						first.ends(t, code)
						second.ends(t, 0)
					})
				}
			}
		}
	}
}

// The same against crypto/tls, for the delayed tools.
func TestEndsAgainstCryptoTLS(t *testing.T) {
	t.Parallel()
	const n = 300000
	for _, program := range []string{"s6-ucspitlsd", "s6-ucspitlsc"} {
		for _, flags := range []string{"-sj", "-sJ", "-Sj", "-SJ"} {
			for _, peerNotifies := range []bool{false, true} {
				for _, peerFirst := range []bool{false, true} {
					for _, v := range versions {
						name := program + " " + flags + " " + v.name
						if peerNotifies {
							name += " close_notify"
						}
						if peerFirst {
							name += " peer first"
						}
						t.Run(name, func(t *testing.T) {
							t.Parallel()
							s := &side{flags: flags, io: program[:3] + "tls" + program[len(program)-1:] + "-io"}
							var c *tls.Conn
							if program == "s6-ucspitlsd" {
								var x *server
								x, s.app, c = talk(t, program, []string{flags}, v.tweak)
								s.process = x.process
							} else {
								var x *dialled
								x, s.app, c = meet(t, program, "y", []string{flags, "-k", pki.Host}, v.tweak)
								s.process = x.process
							}
							conn := c.NetConn().(*tap)
							peerEnds := func() {
								if peerNotifies {
									c.CloseWrite()
								}
								conn.CloseWrite()
							}
							expectAll := func() {
								var k checker
								if _, err := io.Copy(&k, c); err != nil || k.Err != nil || k.N != n {
									t.Errorf("the peer got %d bytes, %v, %v", k.N, err, k.Err)
								}
								if notified := !conn.sawFIN(); notified != s.notifies() {
									t.Errorf("close_notify came: %v", notified)
								}
							}
							code := 0
							if s.enforces() && !peerNotifies {
								code = 98
							}
							pour := []step{{Do: "pour", FD: s.app.wr, N: n}, {Do: "close", FD: s.app.wr}}
							if peerFirst {
								go func() { c.Write(patternOf(n)[:n]); peerEnds() }()
								s.drinks(t, n)
								if code == 0 {
									s.app.send(pour...)
									expectAll()
								}
							} else {
								s.app.send(pour...)
								expectAll()
								peerEnds()
								s.app.results()
								s.drinks(t, 0)
								s.ends(t, code)
								return
							}
							if code == 0 {
								s.app.results()
							}
							conn.Close()
							s.ends(t, code)
						})
					}
				}
			}
		}
	}
}

// OpenSSL 3 takes a bare FIN for an attack and answers it with an alert, if
// at all. That is no failure of ours where everything had arrived; -J can't
// be had from such a peer without -S.
func TestEndsAgainstOpenSSLClient(t *testing.T) {
	t.Parallel()
	openssl := need.Program(t, "openssl", "openssl")
	const n = 300000
	for _, v := range []string{"-tls1_2", "-tls1_3"} {
		for _, flags := range []string{"-sj", "-sJ", "-Sj", "-SJ"} {
			for _, who := range []string{"server", "client"} {
				t.Run(v+" "+flags+" "+who+" first", func(t *testing.T) {
					t.Parallel()
					env, dir := material(t)
					stage := newStage(t)
					at := inetd(t, spec{program: "s6-tlsd", args: append([]string{"-v2", flags}, stage.prog()...), env: append(env, stage.env())})
					cmd := exec.Command(openssl, "s_client", "-quiet", "-connect", at.address, "-CAfile", dir+"/ca.pem", "-verify_return_error", v)
					in, out := piped(t, cmd)
					a := stage.app()
					code := 0
					if who == "server" {
						a.send(step{Do: "pour", FD: a.wr, N: n}, step{Do: "close", FD: a.wr})
						var k checker
						if io.Copy(&k, out); k.Err != nil || k.N != n {
							t.Errorf("s_client got %d bytes, %v", k.N, k.Err)
						}
						a.results()
						if r := a.must(step{Do: "drink", FD: a.rd}); r.N != 0 {
							t.Errorf("prog got %d bytes", r.N)
						}
					} else {
						go func() { in.Write(patternOf(n)[:n]); in.Close() }() // -quiet: goes on at the end of stdin
						r := a.must(step{Do: "read", FD: a.rd, N: 1})
						total := r.N
						for total < n {
							r = a.must(step{Do: "read", FD: a.rd, N: n})
							total += r.N
						}
						cmd.Process.Signal(os.Interrupt) // it has no other way to end first
						a.expectEnd(a.rd, "")
						a.close(a.wr)
						if strings.Contains(flags, "J") {
							code = 98 // nothing was said at all
						}
					}
					a.expectWait(code)
					a.exit(0)
					p := <-at.started
					p.code()
					log := p.stderr()
					if fatal := strings.Contains(log, "fatal"); fatal != (code != 0) || !strings.Contains(log, "s6-tlsd-io: info: TLSv1.") {
						t.Errorf("stderr:\n%s", log)
					}
				})
			}
		}
	}
}

// piped starts a peer that is spoken to on its stdin and stdout.
func piped(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := cmp.Or(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return in, out
}

func TestEndsAgainstOpenSSLServer(t *testing.T) {
	t.Parallel()
	openssl := need.Program(t, "openssl", "openssl")
	const n = 300000
	for _, v := range []string{"-tls1_2", "-tls1_3"} {
		for _, flags := range []string{"-sj", "-sJ", "-Sj", "-SJ"} {
			for _, who := range []string{"server", "client"} {
				t.Run(v+" "+flags+" "+who+" first", func(t *testing.T) {
					t.Parallel()
					_, dir := material(t)
					cmd := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", dir+"/server.pem", "-cert_chain", dir+"/server.pem", "-key", dir+"/server.key", v)
					in, out := piped(t, cmd)
					lines := bufio.NewReader(out)
					address := ""
					for address == "" {
						line, err := lines.ReadString('\n')
						if err != nil {
							t.Fatal(err)
						}
						address, _ = strings.CutPrefix(strings.TrimSpace(line), "ACCEPT ")
						if address == strings.TrimSpace(line) {
							address = ""
						}
					}
					env, _ := trusting(t)
					stage := newStage(t)
					sock := connect(t, address)
					p := start(t, spec{program: "s6-tlsc", args: append([]string{"-v2", flags, "-k", pki.Host}, stage.prog()...), env: append(env, stage.env()),
						files: map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}})
					a := stage.app()
					rest := make(chan string, 1)
					go func() { data, _ := io.ReadAll(lines); rest <- string(data) }()
					code := 0
					// s_server prints more than what came, and takes letters for commands.
					const row = "0123456789 0123456789 0123456789\n"
					text := strings.Repeat(row, n/len(row))
					if who == "client" {
						a.play(write(7, text), step{Do: "close", FD: 7})
						a.expectEnd(6, "")
						if got := <-rest; strings.Count(got, row) != n/len(row) {
							t.Errorf("s_server got %d lines of %d", strings.Count(got, row), n/len(row))
						}
					} else {
						io.WriteString(in, text)
						a.expectRead(6, text)
						io.WriteString(in, "Q\n") // ends without a close_notify
						a.expectEnd(6, "")
						a.close(7)
						if strings.Contains(flags, "J") {
							code = 98
						}
					}
					in.Close()
					a.expectWait(code)
					a.exit(0)
					p.code()
					log := p.stderr()
					if fatal := strings.Contains(log, "fatal"); fatal != (code != 0) || !strings.Contains(log, "s6-tlsc-io: info: TLSv1.") {
						t.Errorf("stderr:\n%s", log)
					}
				})
			}
		}
	}
}
