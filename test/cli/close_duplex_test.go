//go:build linux

package cli

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// The two directions are independent, as they are without TLS: a peer that
// sends everything before it reads a byte gets to its end, though much more
// than fits into any buffer waits for it. prog is two files here, which take
// and give whatever they can.
func TestPeerThatWritesBeforeItReads(t *testing.T) {
	t.Parallel()
	const n = 24 << 20
	all := patternOf(n)[:n]
	for _, program := range []string{"s6-tlsc-io", "s6-tlsd-io"} {
		for _, v := range versions {
			t.Run(program+" "+v.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				in, err := os.Open(pki.WriteFile(t, dir, "in", all))
				if err != nil {
					t.Fatal(err)
				}
				out, err := os.Create(filepath.Join(dir, "out"))
				if err != nil {
					t.Fatal(err)
				}
				peer, sock := network(t)
				s := spec{program: program, args: []string{"-S", "6", "7"}}
				if program == "s6-tlsc-io" {
					s.args = append([]string{"-k", pki.Host}, s.args...)
					s.env, _ = trusting(t)
					s.files = map[int]*os.File{0: in, 1: out, 6: sock, 7: dup(t, sock)}
				} else {
					s.env, _ = material(t)
					s.files = map[int]*os.File{0: sock, 1: dup(t, sock), 6: in, 7: out}
				}
				p := start(t, s)
				c := opposite(t, program[:len(program)-3], peer, v.tweak)
				if sent, err := c.Write(all); err != nil {
					t.Fatalf("after %d bytes: %v", sent, err)
				}
				c.CloseWrite()
				var k checker
				if _, err := io.Copy(&k, c); err != nil || k.Err != nil || k.N != n {
					t.Errorf("the peer got %d bytes, %v, %v", k.N, err, k.Err)
				}
				peer.Close()
				p.expect(0, "")
				f, err := os.Open(filepath.Join(dir, "out"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				var down checker
				if io.Copy(&down, f); down.Err != nil || down.N != n {
					t.Errorf("prog got %d bytes, %v", down.N, down.Err)
				}
			})
		}
	}
}
