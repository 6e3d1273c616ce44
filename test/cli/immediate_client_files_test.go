//go:build linux

package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"ucspitls/backend/backendtest/pki"
)

// 0, 1 and 2 are not the tool's. The network is on 6 and 7, or where -6 and -7
// say; what else is open goes to prog.
func TestDescriptorsOfAClientsProg(t *testing.T) {
	eachClient(t, func(t *testing.T, program string, version tweak) {
		for _, c := range []struct {
			args string
			r, w int
		}{{"", 6, 7}, {"-6 9 -7 4", 9, 4}, {"--write-fd=12 --read-fd=11", 11, 12}} {
			base, dir := trusting(t)
			in, out := pki.WriteFile(t, dir, "in", []byte("stdin\n")), pki.WriteFile(t, dir, "out", nil)
			stdin, err := os.Open(in)
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := os.OpenFile(out, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			peer, sock := network(t)
			x := &dialled{stage: newStage(t), peer: peer, wait: delayed(program)}
			spare := devNull(t)
			x.process = start(t, spec{program: program,
				args: append(append(strings.Fields(c.args), "-k", pki.Host), x.stage.prog()...), env: append(base, x.stage.env()),
				files: map[int]*os.File{0: stdin, 1: stdout, 20: spare, c.r: sock, c.w: dup(t, sock)}})
			a, conn := x.greet("y", version)
			if !x.wait {
				a.rd, a.wr = c.r, c.w
			}
			network := "pipe"
			want := fmt.Sprintf("0 %s, 1 %s, 2 pipe, 20 /dev/null", in, out)
			if x.wait {
				network = "socket"
				want += fmt.Sprintf(", %d pipe, %d pipe, %d socket", a.rd, a.wr, a.ctl)
			}
			want += fmt.Sprintf(", %d %s, %d %s", c.r, network, c.w, network)
			if kinds := fdKinds(a.FDs); !sameSet(kinds, want) {
				t.Errorf("prog has %s\nwant %s", kinds, want)
			}
			for n, d := range a.FDs {
				if d.NonBlock {
					t.Errorf("O_NONBLOCK is set on prog's %d", n)
				}
			}
			echo(t, a, conn)
			a.expectRead(0, "stdin\n") // nobody has read it
			for n := range a.FDs {
				if a.must(step{Do: "nonblock", FD: n}).N != 0 {
					t.Errorf("O_NONBLOCK is set on prog's %d under TLS", n)
				}
			}
			a.exit(0)
			conn.Close()
			x.expect(0, "")
			if data, _ := os.ReadFile(out); len(data) > 0 {
				t.Errorf("%q on stdout", data)
			}
		}
	})
}

// A tool that is started without its network says so before anything else.
func TestNetworkOfAClientNotOpen(t *testing.T) {
	t.Parallel()
	for _, program := range clients {
		for _, c := range []struct {
			args  string
			files []int
			code  int
			line  string
		}{
			{"", []int{0, 1}, 111, "unable to check network descriptor 6: bad file descriptor"},
			{"", []int{0, 1, 6}, 111, "unable to check network descriptor 7: bad file descriptor"},
			{"-6 30", []int{0, 1, 6, 7}, 111, "unable to check network descriptor 30: bad file descriptor"},
			{"-6 2", []int{0, 1, 6, 7}, 100, "read-fd must be an unsigned integer (3 or more)"},
			{"--write-fd=x", []int{0, 1, 6, 7}, 100, "write-fd must be an unsigned integer (3 or more)"},
			{"-6 8 -7 8", []int{0, 1, 6, 7}, 100, "read-fd and write-fd must be different"},
			{"-7 6", []int{0, 1, 6, 7}, 100, "read-fd and write-fd must be different"},
		} {
			env, _ := trusting(t)
			files := map[int]*os.File{}
			for _, n := range c.files {
				files[n] = devNull(t)
			}
			p := start(t, spec{program: program, args: append(strings.Fields(c.args), "--", "true"), env: env, files: files})
			p.expect(c.code, program+": fatal: "+c.line)
		}
	}
}

// 0 and 1 of a client may be closed: they are not its business.
func TestClientWithStandardDescriptorsClosed(t *testing.T) {
	t.Parallel()
	for _, program := range clients {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			peer, sock := network(t)
			x := &dialled{stage: newStage(t), peer: peer, wait: delayed(program)}
			base, _ := trusting(t)
			x.process = start(t, spec{program: program, args: append([]string{"-k", pki.Host}, x.stage.prog()...), env: append(base, x.stage.env()),
				files: map[int]*os.File{6: sock, 7: dup(t, sock)}})
			a, c := x.greet("y")
			echo(t, a, c)
			a.exit(0)
			c.Close()
			x.expect(0, "")
		})
	}
}

// The network may be two pipes, such as a pair of FIFOs.
func TestNetworkOfPipes(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"s6-tlsc", "s6-tlsd"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			// The peer's end is a socket whose bytes two goroutines carry.
			far, near := network(t)
			up, upw, err := os.Pipe() // tool to peer
			if err != nil {
				t.Fatal(err)
			}
			downr, down, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			carry := func(to, from *os.File, end func()) {
				buf := make([]byte, 32<<10)
				for {
					n, err := from.Read(buf)
					if n > 0 {
						to.Write(buf[:n])
					}
					if err != nil {
						break
					}
				}
				end()
			}
			toPeer := dup(t, near)
			go carry(toPeer, up, func() { syscall.Shutdown(int(toPeer.Fd()), syscall.SHUT_WR); toPeer.Close(); up.Close() })
			go carry(down, near, func() { down.Close(); near.Close() })
			stage := newStage(t)
			s := spec{program: program, args: stage.prog()}
			var c *tls.Conn
			files := map[int]*os.File{0: downr, 1: upw}
			if program == "s6-tlsc" {
				s.env, _ = trusting(t)
				s.args = append([]string{"-k", pki.Host}, s.args...)
				files = map[int]*os.File{0: devNull(t), 1: devNull(t), 6: downr, 7: upw}
				c = answering(t, far)
			} else {
				s.env, _ = material(t)
				c = client(t, far)
			}
			s.files, s.env = files, append(s.env, stage.env())
			p := start(t, s)
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			a := stage.app()
			if program == "s6-tlsc" {
				a.rd, a.wr = 6, 7
			}
			echo(t, a, c)
			a.play(write(a.wr, "bye"), step{Do: "close", FD: a.wr})
			expectPeer(t, c, "bye", false)
			c.Write([]byte("and more"))
			a.expectRead(a.rd, "and more")
			c.Close()
			a.expectEnd(a.rd, "")
			a.expectWait(0)
			a.exit(0)
			p.expect(0, "")
		})
	}
}
