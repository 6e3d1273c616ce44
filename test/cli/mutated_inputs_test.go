//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ucspitls/backend/backendtest/mutate"
	"ucspitls/backend/backendtest/pki"
)

// Mutated handshakes and records against the programs themselves. What the
// libraries make of them is tested in-process, with many more of them:
// backendtest.Inputs. Here it is one process each, and what counts is how
// that ends: a code and one line, nothing else.

// mutatedInputs is how many: UCSPITLS_CLI_INPUTS, which CI sets to 2,000.
func mutatedInputs() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("UCSPITLS_CLI_INPUTS"), 10, 32); err == nil {
		return n
	}
	return 60
}

func inputSeed() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("UCSPITLS_SEED"), 10, 64)
	return n
}

// A mutating connection changes one of the peer's writes: a flight, or what
// comes after the handshake. It is the last one, so that nobody waits for what
// was taken out of it.
type mutating struct {
	*tap
	m     *mutate.Mutator
	which int
	n     int
}

func (c *mutating) Write(p []byte) (int, error) {
	c.n++
	switch {
	case c.n <= c.which:
		return c.tap.Write(p)
	case c.n > c.which+1:
	case c.which == 0:
		c.tap.Write(c.m.Flight(p))
		c.tap.CloseWrite()
	default:
		c.tap.Write(c.m.Stream(p))
		c.tap.CloseWrite()
	}
	return len(p), nil
}

func TestMutatedInputs(t *testing.T) {
	chainOnly(t, "it measures what a process takes")
	t.Parallel()
	env, _ := material(t)
	p := pki.New(t)
	seed := inputSeed()
	for _, side := range []struct {
		program string
		server  bool
	}{{"s6-tlsd-io", true}, {"s6-tlsc-io", false}} {
		t.Run(side.program, func(t *testing.T) {
			for n := range mutatedInputs() / 2 {
				t.Run(fmt.Sprintf("seed %d input %d", seed, n), func(t *testing.T) {
					t.Parallel()
					m := mutate.New(seed, n)
					x := runTunnel(t, side.program, env)
					c := &mutating{tap: x.peer, m: m, which: m.IntN(3)}
					var conn *tls.Conn
					if side.server {
						tweaks := []tweak{versions[m.IntN(2)].tweak}
						if m.IntN(4) == 0 {
							tweaks = append(tweaks, withCert(p.Client(pki.P256)))
						}
						conn = client(t, c, tweaks...)
					} else {
						cfg := &tls.Config{Certificates: []tls.Certificate{p.Server(pki.P256).TLS()}}
						versions[m.IntN(2)].tweak(cfg)
						conn = tls.Server(c, cfg)
					}
					c.SetDeadline(time.Now().Add(patience))
					if conn.Handshake() == nil {
						conn.Write(patternAt(0, 3000))
					}
					c.CloseWrite()
					x.in.Close()
					drain(c.TCPConn)
					c.Close()
					x.judge(t)
				})
			}
		})
	}
}

// runTunnel is an -io on descriptors 6 and 7, with nobody who wants the blob.
func runTunnel(t *testing.T, program string, env []string) *bareIO {
	t.Helper()
	peer, sock := network(t)
	inR, in := pipe(t)
	out, outW := pipe(t)
	files := map[int]*os.File{0: sock, 1: dup(t, sock), 6: inR, 7: outW}
	args := []string{"-Y", "--", "6", "7"}
	if program == "s6-tlsc-io" {
		files = map[int]*os.File{0: inR, 1: outW, 6: sock, 7: dup(t, sock)}
		args = []string{"-k", pki.Host, "--", "6", "7"}
	}
	p := start(t, spec{program: program, args: args, env: env, files: files})
	p.staysSmall(t)
	return &bareIO{p, peer, in, out, nil}
}

// judge checks how a tunnel ended that met a hostile peer: with 0 and nothing
// to say, or with 98 and one line that blames the peer.
func (x *bareIO) judge(t *testing.T) {
	t.Helper()
	code, out := x.code(), x.stderr()
	switch {
	case code == 0 && out == "":
	case code == 98 && strings.HasPrefix(out, x.name+": fatal: ") && strings.Count(out, "\n") == 1 && !strings.Contains(out, "the TLS library failed"):
	default:
		t.Errorf("exit code %d, stderr %q", code, abbreviate(out))
	}
}
