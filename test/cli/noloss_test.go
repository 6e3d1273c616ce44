//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// No byte is lost: prog writes and exits at once, whatever the peer is doing.

// A habit is what the peer does after its handshake and before it reads.
var habits = []struct {
	name string
	do   func(c *tls.Conn)
}{
	{"reads late", func(*tls.Conn) { time.Sleep(300 * time.Millisecond) }},
	{"has just sent data", func(c *tls.Conn) { c.Write([]byte("QUIT\r\n")) }},
	{"sends all the time", func(c *tls.Conn) {
		go func() {
			for {
				if _, err := c.Write(patternAt(0, 1000)); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}},
	{"has sent close_notify", func(c *tls.Conn) { c.CloseWrite() }},
	{"has sent a bare FIN", func(c *tls.Conn) { c.NetConn().(*tap).CloseWrite() }},
}

func TestNoByteIsLost(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3, 50_000, 1_000_000} {
		for _, program := range servers {
			t.Run(fmt.Sprint(size, " ", program), func(t *testing.T) {
				t.Parallel()
				runs := 0
				for runs < 100 {
					for _, habit := range habits {
						for _, flag := range []string{"-s", "-S"} {
							for _, v := range versions {
								runs++
								t.Run(fmt.Sprintf("%s %s %s %d", habit.name, flag, v.name, runs), func(t *testing.T) {
									t.Parallel()
									pourAndExit(t, program, flag, size, v.tweak, habit.do)
								})
							}
						}
					}
				}
			})
		}
	}
}

func TestNoByteOf300MBIsLost(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short")
	}
	for i, program := range servers {
		t.Run(program, func(t *testing.T) {
			pourAndExit(t, program, "-s", 300_000_000, versions[i].tweak, habits[1].do)
		})
	}
}

// pourAndExit runs one session in which prog writes size bytes and exits with
// the last one.
func pourAndExit(t *testing.T, program, flag string, size int, version tweak, habit func(*tls.Conn)) {
	t.Helper()
	x := serve(t, program, []string{flag, "-v2"})
	pour := func(a *app) {
		steps := []step{{Do: "pour", FD: a.wr, N: size}, {Do: "exit"}}
		if delayed(program) {
			steps = append([]step{write(a.ctl, "y")}, steps...)
		}
		a.send(steps...)
	}
	if delayed(program) {
		pour(x.stage.app())
	}
	c := handshake(t, x.peer, version)
	if !delayed(program) {
		pour(x.stage.app())
	}
	habit(c)
	var got checker
	n, err := io.Copy(&got, c)
	if err != nil || got.Err != nil || n != int64(size) {
		t.Errorf("%d of %d bytes, %v, %v", n, size, err, got.Err)
	}
	if saw := !x.peer.sawFIN(); saw != (flag == "-S") {
		t.Errorf("close_notify came: %v", saw)
	}
	x.peer.Close()
	if code := x.code(); code != 0 {
		t.Errorf("prog ended with %d", code)
	}
	if out := x.stderr(); !strings.HasSuffix(out, ", ended normally\n") || strings.Contains(out, "fatal") {
		t.Errorf("stderr %q", out)
	}
}

// 8 MiB to a peer that reads slowly.
func TestSlowReader(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		const size = 8 << 20
		x, a, c := talk(t, program, nil, version)
		a.send(step{Do: "pour", FD: a.wr, N: size}, step{Do: "exit"})
		var got checker
		buf := make([]byte, 64<<10)
		var err error
		for n := 0; err == nil; {
			if n, err = io.ReadFull(c, buf); n > 0 {
				got.Write(buf[:n])
				time.Sleep(4 * time.Millisecond)
			}
		}
		if err != io.EOF && err != io.ErrUnexpectedEOF || got.Err != nil || got.N != size {
			t.Errorf("%d of %d bytes, %v, %v", got.N, size, err, got.Err)
		}
		c.Close()
		x.expect(0, "")
	})
}

// 3 MiB to a prog that reads slowly, then its answer.
func TestSlowProg(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		const size = 3 << 20
		x, a, c := talk(t, program, nil, version)
		go func() {
			c.Write(patternOf(size))
			c.CloseWrite()
		}()
		if r := a.must(step{Do: "drink", FD: a.rd, Pause: 5 * time.Millisecond}); r.N != size {
			t.Errorf("prog got %d of %d bytes", r.N, size)
		}
		a.play(write(a.wr, "thanks"), step{Do: "close", FD: a.wr})
		expectPeer(t, c, "thanks", false)
		c.Close()
		a.expectWait(0)
		a.exit(0)
		x.expect(0, "")
	})
}

// Both directions at once.
func TestBothDirections(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		const size = 4 << 20
		x, a, c := talk(t, program, []string{"-S"}, version)
		go func() {
			c.Write(patternOf(size))
			c.CloseWrite()
		}()
		// prog first writes all of its own: the tunnel must not wait for it to read.
		a.send(step{Do: "pour", FD: a.wr, N: size}, step{Do: "close", FD: a.wr}, step{Do: "drink", FD: a.rd})
		var got checker
		if n, err := io.Copy(&got, c); err != nil || got.Err != nil || n != size {
			t.Errorf("%d of %d bytes, %v, %v", n, size, err, got.Err)
		}
		if r := a.results()[2]; r.N != size || r.Err != "" {
			t.Errorf("prog got %d of %d bytes, %s", r.N, size, r.Err)
		}
		c.Close()
		a.expectWait(0)
		a.exit(0)
		x.expect(0, "")
	})
}
