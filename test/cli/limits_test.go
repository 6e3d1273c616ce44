//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucspitls/test/need"
)

const firstLimited = 70000 // users of TestTinyLimits

// Every resource limit that is nothing, or next to it, on every program: it
// ends with a code of the table and a line, or the kernel kills it while it
// loads. There is never a trace.
func TestTinyLimits(t *testing.T) {
	entryOnly(t)
	t.Parallel()
	prlimit := need.Program(t, "prlimit", "util-linux")
	programs := map[string][]string{
		"s6-ucspitlsd": {"true"}, "s6-ucspitlsc": {"true"}, "s6-tlsd": {"true"}, "s6-tlsc": {"true"},
		"s6-tlsd-io": {"6", "7"}, "s6-tlsc-io": {"6", "7"}, "s6-tlsd-iod": {"/nonexistent/socket"},
		"s6-tlsserver": {"127.0.0.1", "70000", "true"}, "s6-tlsclient": {"127.0.0.1", "1", "true"}, "s6-tls-ticketkeys": {"/nonexistent/keys"},
	}
	const noThread = ": fatal: unable to start a thread: resource temporarily unavailable\n"
	limits := []string{"nproc=0", "nproc=1", "nproc=2", "nproc=3", "nproc=4", "nproc=5", "nproc=6",
		"nofile=3", "nofile=4", "nofile=5", "nofile=6", "as=1000000", "as=50000000", "as=600000000", "as=700000000", "as=720000000", "as=800000000", "as=1200000000",
		"data=0", "data=4000000", "data=20000000", "data=40000000", "data=60000000", "stack=16384", "memlock=0", "cpu=1", "sigpending=0", "fsize=0", "core=0", "rss=0"}
	user := uint32(firstLimited)
	for program, args := range programs {
		for _, limit := range limits {
			user++
			as := spyUser()
			if as != nil {
				as.Uid = user // NPROC counts what else a user runs
			}
			t.Run(program+" "+limit, func(t *testing.T) {
				t.Parallel()
				files := map[int]*os.File{}
				for _, n := range []int{0, 1, 6, 7} {
					files[n] = devNull(t)
				}
				p := start(t, spec{program: prlimit, args: append([]string{"--" + limit + ":" + limit[strings.IndexByte(limit, '=')+1:], filepath.Join(bin, program)}, args...),
					env: []string{"CERTFILE=/x", "KEYFILE=/y", "CAFILE=/z", "TLS_SANDBOX=off"}, files: files, user: as})
				code, out := p.code(), p.stderr()
				if backendName == "openssl" && code == 127 && strings.Contains(out, "error while loading shared libraries") {
					return // the C library's loader has the word
				}
				for line := range strings.Lines(out) {
					if !strings.HasPrefix(line, program+": ") && !strings.HasPrefix(line, "s6-tls") {
						t.Errorf("a line that is none of ours: %q", line)
					}
				}
				switch {
				case limit == "nproc=0":
					if isWrapper := strings.HasPrefix(program, "s6-ucspi") || program == "s6-tlsd" || program == "s6-tlsc"; isWrapper {
						if code != 111 || !strings.HasPrefix(out, program+": fatal: unable to start ") || !strings.HasSuffix(out, ": resource temporarily unavailable\n") {
							t.Errorf("exit code %d, stderr %q", code, out)
						}
					} else if code != 111 || out != program+noThread {
						t.Errorf("exit code %d, stderr %q", code, out)
					}
				case code == 128+11 && out == "" && (strings.HasPrefix(limit, "as=") || strings.HasPrefix(limit, "data=") || limit == "stack=16384"):
					// The kernel could not load it.
				case code == 0 || code == 96 || code == 97 || code == 98 || code == 100 || code == 111 || code == 126 || code == 127:
				default:
					t.Errorf("exit code %d, stderr %q", code, out)
				}
			})
		}
	}
}
