//go:build linux

package cli

import (
	"io"
	"os"
	"strings"
	"testing"
)

// A bareIO is s6-tlsd-io started directly, with the test in prog's place.
type bareIO struct {
	*process
	peer           *tap
	in, out, notes *os.File // the tunnel's input, its output, its blob
}

func runIO(t *testing.T, args []string, env ...string) *bareIO {
	t.Helper()
	peer, sock := network(t)
	inR, in := pipe(t)
	out, outW := pipe(t)
	notes, notesW := pipe(t)
	base, _ := material(t)
	args = append(append([]string{}, args...), "-d", "8", "--", "6", "7", "ignored")
	p := start(t, spec{program: "s6-tlsd-io", args: args, env: override(base, env),
		files: map[int]*os.File{0: sock, 1: dup(t, sock), 6: inR, 7: outW, 8: notesW}})
	return &bareIO{p, peer, in, out, notes}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// Any descriptors will do: here pipes that block, as other wrappers make them.
func TestTunnelOnAnyDescriptors(t *testing.T) {
	t.Parallel()
	x := runIO(t, nil)
	c := handshake(t, x.peer, tls13)
	if blob := readEverything(t, x.notes); !strings.HasPrefix(blob, "SSL_PROTOCOL=TLSv1.3\x00") || !strings.HasSuffix(blob, "\x00\x00") {
		t.Errorf("blob %q", blob)
	}
	expectDescriptors(t, x.pid, "0 socket, 1 socket, 2 pipe, 6 pipe, 7 pipe")
	const size = 1 << 20
	go func() {
		x.in.Write(patternOf(size))
		x.in.Close()
	}()
	go func() {
		c.Write(patternOf(size))
		c.CloseWrite()
	}()
	var up, down checker
	if _, err := io.Copy(&up, c); err != nil || up.Err != nil || up.N != size {
		t.Errorf("the peer got %d bytes, %v, %v", up.N, err, up.Err)
	}
	if _, err := io.Copy(&down, x.out); err != nil || down.Err != nil || down.N != size {
		t.Errorf("prog got %d bytes, %v, %v", down.N, err, down.Err)
	}
	c.Close()
	x.expect(0, "")
}

func TestTunnelFailsWithoutABlob(t *testing.T) {
	t.Parallel()
	x := runIO(t, nil)
	x.peer.Write([]byte("no TLS at all\r\n"))
	x.peer.CloseWrite()
	if blob := readEverything(t, x.notes); blob != "" {
		t.Errorf("blob %q", blob)
	}
	if data := readEverything(t, x.out); data != "" {
		t.Errorf("prog got %q", data)
	}
	x.expect(98, "s6-tlsd-io: fatal: handshake failed: the peer does not speak TLS")
}

// The tunnel closes what it inherited, not what Go's runtime has opened: with
// this memory limit the runtime needs its poller before main.
func TestRuntimeKeepsItsDescriptors(t *testing.T) {
	t.Parallel()
	for range 3 {
		x := runIO(t, nil, "GOMEMLIMIT=1")
		c := handshake(t, x.peer)
		x.in.Close()
		expectPeer(t, c, "", false)
		c.Close()
		x.expect(0, "")
	}
}
