//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"testing"

	"ucspitls/test/lab/wait"
	"ucspitls/test/need"
)

// kept is how many copies of what has passed a library keeps until it is
// overwritten or the session is over: crypto/tls decrypts where it has read, and
// nobody else can tell when it is done with that.
var kept = map[string]struct{ down, up int }{
	"gotls": {1, 0}, "utls": {1, 0}, "openssl": {0, 0},
}

// TestCleartextIsWiped looks for a line in the memory of the process that has
// passed it on, in either direction, long ones and short ones.
func TestCleartextIsWiped(t *testing.T) {
	need.Root(t) // to look into it
	t.Parallel()
	for _, size := range []int{48, 5000, 40_000} {
		for _, v := range versions {
			t.Run(fmt.Sprint(size, " ", v.name), func(t *testing.T) {
				t.Parallel()
				line := func(word string) (text string, s secret) {
					for len(text) < size {
						text += fmt.Sprintf("%s %05d of the cleartext, ", word, len(text))
					}
					middle := len(text) / 2
					return text, secret{word, []byte(text[middle-12 : middle+12])}
				}
				down, downSecret := line("down")
				up, upSecret := line("upwards")
				env, _ := material(t)
				x := serveWith(t, spec{program: "s6-tlsd", env: append(env, "TLS_UID=65534", "TLS_GID=65534")})
				c := handshake(t, x.peer, v.tweak)
				a := x.stage.app()
				pass(t, a, c, down, up)
				pid := 0
				if overIOD {
					pid = x.daemon.worker()
				} else {
					pid = child(t, x.pid, "s6-tlsd-io")
				}
				want := kept[backendName]
				var found map[string]int
				// The library may have read over its copy since.
				if !wait.Until(patience, func() bool { // it may be about to wipe
					found = copies(t, pid, []secret{downSecret, upSecret})
					return found["down"] <= want.down && found["upwards"] <= want.up
				}) {
					t.Errorf("%d copies of what prog got, %d of what it said; want %d and %d at most", found["down"], found["upwards"], want.down, want.up)
				}
				x.finish(a, c)
			})
		}
	}
}

func pass(t *testing.T, a *app, c *tls.Conn, down, up string) {
	t.Helper()
	c.Write([]byte(down))
	a.expectRead(a.rd, down)
	a.write(a.wr, up)
	expectBytes(t, c, up)
}
