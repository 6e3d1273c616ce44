//go:build linux

package cli

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHostileProg: what prog can do to the waiting process over the control
// socket. It is told a byte, and has nothing to lose to prog but that.
func TestHostileProg(t *testing.T) {
	t.Parallel()
	const refused = "s6-ucspitlsd: fatal: unrecognized command on control socket"
	const given = 9 // prog's end of a pipe, as a descriptor that it can give away
	flood := strings.Repeat("Y", 64<<10)
	for _, c := range []struct {
		name  string
		steps func(a *app) []step
		code  int // of the waiting process; -1: TLS begins
		line  string
	}{
		{"garbage without end", func(a *app) []step { return []step{write(a.ctl, "x"+flood)} }, 100, refused},
		{"a zero byte", func(a *app) []step { return []step{write(a.ctl, "\x00")} }, 100, refused},
		{"a lower-case word", func(a *app) []step { return []step{write(a.ctl, "starttls\r\n")} }, 100, refused},
		{"a descriptor and no command", func(a *app) []step {
			return []step{{Do: "sendfd", FD: a.ctl, N: given, Data: []byte("x")}}
		}, 100, refused},
		{"a descriptor behind the command", func(a *app) []step {
			return []step{{Do: "sendfd", FD: a.ctl, N: given, Data: []byte("Y")}}
		}, -1, ""},
		{"a descriptor behind the short command", func(a *app) []step {
			return []step{{Do: "sendfd", FD: a.ctl, N: given, Data: []byte("y")}}
		}, -1, ""},
		{"descriptors after the command", func(a *app) []step {
			return []step{write(a.ctl, "Y"), {Do: "sendfd", FD: a.ctl, N: given, Data: []byte("x")}, {Do: "sendfd", FD: a.ctl, N: a.rd, Data: []byte("x")}}
		}, -1, ""},
		{"a flood after the command", func(a *app) []step { return []step{write(a.ctl, "Y"), write(a.ctl, flood)} }, -1, ""},
		{"nothing, and the socket closed", func(a *app) []step { return []step{{Do: "close", FD: a.ctl}} }, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			env, _ := material(t)
			x := serveWith(t, spec{program: "s6-ucspitlsd", env: env, files: map[int]*os.File{given: w}})
			a := x.stage.app()
			a.play(append(c.steps(a), step{Do: "close", FD: given})...)
			if c.code < 0 {
				conn := handshake(t, x.peer)
				echo(t, a, conn)
				conn.Close()
				a.close(a.rd)
				a.close(a.wr)
			}
			// Nobody has what prog gave away.
			r.SetReadDeadline(time.Now().Add(patience))
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("the pipe that prog gave away: %d, %v", n, err)
			}
			a.expectWait(max(c.code, 0))
			a.exit(0)
			x.expect(0, c.line)
		})
	}
}
