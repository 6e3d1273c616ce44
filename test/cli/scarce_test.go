//go:build linux

package cli

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Too few of what a system has: descriptors, memory, somebody who reads stderr.

var unconfined = regexp.MustCompile(`^s6-tlsd-io: warning: sandbox: no Landlock \((open /proc/self/task: )?too many open files\); .*\n$`)

// Few descriptors, little memory.
func TestScarceResources(t *testing.T) {
	t.Parallel()
	env, _ := material(t)
	run := func(t *testing.T, limit string) (code int, out string, got []byte) {
		peer, sock := network(t)
		p := start(t, spec{program: "/bin/sh", args: []string{"-c", limit + `; exec "$0" -S -K 8000 -- cat`, bin + "/s6-tlsd"}, env: env,
			files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
		got = converseTLS(t, peer)
		if !bytes.HasPrefix(patternAt(0, said), got) {
			t.Error("the peer got other bytes than it sent")
		}
		return p.code(), p.stderr(), got
	}
	works := false
	for n := 3; n < 20; n++ {
		limit := fmt.Sprintf("ulimit -n %d", n)
		code, out, got := run(t, limit)
		switch {
		case code == 0 && (out == "" || unconfined.MatchString(out)) && len(got) == said:
			works = true // with a descriptor less than it takes, without Landlock
		case code == 0, works, strings.Count(out, "\n") != 1, strings.Contains(out, "goroutine"):
			t.Errorf("%s: exit code %d, %d bytes, stderr %q", limit, code, len(got), out)
		}
	}
	if !works {
		t.Error("19 descriptors are not enough")
	}
	// Where the hard limit leaves too little memory the runtime speaks for itself.
	for _, kB := range []int{1000, 5000, 20_000, 50_000, 200_000, 600_000, 800_000, 4_000_000} {
		for _, what := range []string{"v", "d"} {
			limit := fmt.Sprintf("ulimit -%s %d", what, kB)
			code, out, got := run(t, limit)
			if code == 0 && (len(got) != said || out != "") || code != 0 && len(got) == said {
				t.Errorf("%s: exit code %d, %d bytes, stderr %q", limit, code, len(got), abbreviate(out))
			}
			if code != 0 && kB == 4_000_000 {
				t.Errorf("%s: exit code %d, stderr %q", limit, code, abbreviate(out))
			}
		}
	}
}

// What can't be said changes nothing: no room for stderr, or none at all.
func TestNobodyHearsStderr(t *testing.T) {
	t.Parallel()
	env, _ := material(t)
	for _, stderr := range []string{"2>/dev/full", "2>&-"} {
		for _, c := range []struct {
			name  string
			tweak tweak
			code  int
		}{{"good", nil, 0}, {"refused", func(c *tls.Config) { c.RootCAs = nil }, 98}} {
			t.Run(stderr+" "+c.name, func(t *testing.T) {
				t.Parallel()
				peer, sock := network(t)
				p := start(t, spec{program: "/bin/sh", args: []string{"-c", `exec "$0" -v3 -K 8000 -- cat ` + stderr, bin + "/s6-tlsd"}, env: env,
					files: map[int]*os.File{0: sock, 1: dup(t, sock)}})
				var tweaks []tweak
				if c.tweak != nil {
					tweaks = append(tweaks, c.tweak)
				}
				conn := client(t, peer, tweaks...)
				if err := conn.Handshake(); err == nil {
					conn.Write(patternAt(0, said))
					conn.CloseWrite()
					if got, _ := io.ReadAll(conn); !bytes.Equal(got, patternAt(0, said)) {
						t.Errorf("the peer got %d bytes", len(got))
					}
				}
				peer.Close()
				if code := p.code(); code != c.code {
					t.Errorf("exit code %d, want %d", code, c.code)
				}
				p.stderr()
			})
		}
	}
}

// 0, 1 and 2 closed in every combination: prog never talks to something else
// than the network, and no file of ours takes their place.
func TestStandardDescriptorsClosed(t *testing.T) {
	t.Parallel()
	entryOnly(t)
	env, _ := material(t)
	for _, program := range servers {
		for mask := range 8 {
			t.Run(fmt.Sprintf("%s %03b", program, mask), func(t *testing.T) {
				t.Parallel()
				peer, sock := network(t)
				line := `exec "$0" -K 4000 -- sh -c 'echo ran >&9; cat'`
				for n, how := range []string{" 0<&-", " 1>&-", " 2>&-"} {
					if mask&(1<<n) != 0 {
						line += how
					}
				}
				ran, w := pipe(t)
				p := start(t, spec{program: "/bin/sh", args: []string{"-c", line, bin + "/" + program}, env: env,
					files: map[int]*os.File{0: sock, 1: dup(t, sock), 9: w}})
				if mask&3 == 0 && !delayed(program) {
					c := client(t, peer)
					if err := c.Handshake(); err != nil {
						t.Errorf("the handshake: %v", err)
					}
					c.CloseWrite()
					io.ReadAll(c)
				}
				peer.Close()
				want := 0
				if mask&3 != 0 {
					want = 111
				}
				if code := p.code(); code != want {
					t.Errorf("exit code %d, want %d", code, want)
				}
				out := p.stderr()
				if lines := strings.Count(out, "\n"); want != 0 && mask&4 == 0 && lines != 1 || (want == 0 || mask&4 != 0) && lines != 0 {
					t.Errorf("stderr %q", out)
				}
				if got := readEverything(t, ran); (got == "ran\n") != (want == 0) {
					t.Errorf("prog said %q", got)
				}
			})
		}
	}
}
