//go:build linux

package cli

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/test/need"
)

// s6-tlsc-io 6 7 started by hand is a TLS netcat: whatever 0 and 1 are.

// netcat starts it on a connection and shakes hands.
func netcat(t *testing.T, args []string, stdin, stdout *os.File, tweaks ...tweak) (*process, *tls.Conn) {
	t.Helper()
	peer, sock := network(t)
	env, _ := trusting(t)
	args = append(append([]string{"-k", pki.Host}, args...), "6", "7")
	p := start(t, spec{program: "s6-tlsc-io", args: args, env: env, files: map[int]*os.File{0: stdin, 1: stdout, 6: sock, 7: dup(t, sock)}})
	c := answering(t, peer, tweaks...)
	if err := c.Handshake(); err != nil {
		t.Fatalf("the server's handshake: %v", err)
	}
	return p, c
}

func osPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil { // blocking ones, which os.Pipe does not make
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(p[0]), "r"), os.NewFile(uintptr(p[1]), "w")
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestNetcatOnPipes(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, flag := range []string{"-s", "-S"} {
			t.Run(v.name+" "+flag, func(t *testing.T) {
				t.Parallel()
				const n = 3 << 20
				inr, inw := osPipe(t)
				outr, outw := osPipe(t)
				// A second descriptor of each description, to look at its flags.
				in, out := dup(t, inr), dup(t, outw)
				defer in.Close()
				p, c := netcat(t, []string{flag}, inr, outw, v.tweak)
				go func() { inw.Write(patternOf(n)); inw.Close() }()
				var up checker
				if _, err := io.Copy(&up, c); err != nil || up.Err != nil || up.N != n {
					t.Errorf("the server got %d bytes, %v, %v", up.N, err, up.Err)
				}
				if saw := !c.NetConn().(*tap).sawFIN(); saw != (flag == "-S") {
					t.Errorf("close_notify came: %v", saw)
				}
				go func() { c.Write(patternOf(n)); c.CloseWrite(); c.NetConn().Close() }()
				for _, f := range []*os.File{in, out} {
					if isNonBlocking(int(f.Fd())) {
						t.Error("O_NONBLOCK is set on a pipe that somebody else made")
					}
				}
				out.Close()
				var down checker
				if _, err := io.Copy(&down, fdFile(outr.Fd())); err != nil || down.Err != nil || down.N != n {
					t.Errorf("stdout got %d bytes, %v, %v", down.N, err, down.Err)
				}
				p.expect(0, "")
			})
		}
	}
}

func TestNetcatOnFiles(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100000, 5 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stdin, err := os.Open(pki.WriteFile(t, dir, "in", patternOf(n)[:n]))
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := os.OpenFile(filepath.Join(dir, "out"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			look := dup(t, stdout)
			defer look.Close()
			p, c := netcat(t, []string{"-S"}, stdin, stdout)
			sent := make(chan struct{})
			go func() { c.Write(patternOf(n)[:n]); c.CloseWrite(); close(sent) }()
			got, err := io.ReadAll(c)
			await(t, sent, "the server's last byte")
			if err != nil || !bytes.Equal(got, patternOf(n)[:n]) {
				t.Errorf("the server got %d bytes, %v", len(got), err)
			}
			c.NetConn().Close()
			p.expect(0, "")
			if got, _ := os.ReadFile(filepath.Join(dir, "out")); !bytes.Equal(got, patternOf(n)[:n]) {
				t.Errorf("stdout has %d bytes", len(got))
			}
			if isNonBlocking(int(look.Fd())) {
				t.Error("O_NONBLOCK is left on a file")
			}
		})
	}
}

// stdin is /dev/null, as under a supervisor: an EOF at once, and the answer still comes.
func TestNetcatOnDevNull(t *testing.T) {
	t.Parallel()
	for _, stdout := range []string{"pipe", "/dev/null"} {
		r, w := osPipe(t)
		if stdout != "pipe" {
			w.Close()
			w = devNull(t)
		}
		p, c := netcat(t, []string{"-S"}, devNull(t), w)
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
		c.Write(patternOf(200000))
		c.Close()
		if stdout == "pipe" {
			var k checker
			if io.Copy(&k, fdFile(r.Fd())); k.N != int64(len(patternOf(200000))) || k.Err != nil {
				t.Errorf("%d bytes, %v", k.N, k.Err)
			}
		}
		p.expect(0, "")
	}
}

// stdout that takes nothing, because the disk is full: not what a reader does
// that has had enough, but a loss.
func TestNetcatOnDevFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		need.Missing(t, "/dev/full", err.Error())
	}
	p, c := netcat(t, nil, devNull(t), full)
	c.Write([]byte("lost"))
	io.ReadAll(c) // until it ends
	c.NetConn().Close()
	p.expect(111, "s6-tlsc-io: fatal: unable to move data: no space left on device")
}

// stdin and stdout are one terminal, and the shell that waits has it too.
func TestNetcatOnATerminal(t *testing.T) {
	t.Parallel()
	master, slave := terminal(t)
	p, c := netcat(t, nil, slave, dup(t, slave))
	look := func(when string) {
		t.Helper()
		n, err := syscall.Open(ptsName(t, master), syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Close(n)
		for fd, link := range descriptors(p.pid) {
			if fd < 2 && flagsOf(t, p.pid, fd)&syscall.O_NONBLOCK != 0 {
				t.Errorf("%s: O_NONBLOCK is set on %s", when, link)
			}
		}
	}
	look("before")
	master.Write([]byte("from the keyboard\n"))
	expectBytes(t, c, "from the keyboard\n")
	expectScreen(t, master, "from the keyboard\r\n") // the echo
	c.Write([]byte("from the server\n"))
	expectScreen(t, master, "from the server\r\n")
	look("under use")
	master.Write([]byte{4}) // ^D
	if _, err := io.ReadAll(c); err != nil {
		t.Error(err)
	}
	c.Write([]byte("a last line\n"))
	expectScreen(t, master, "a last line\r\n")
	c.Close()
	p.expect(0, "")
}

// flagsOf gives the flags of another process' descriptor.
func flagsOf(t *testing.T, pid, fd int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd))
	if err != nil {
		t.Fatal(err)
	}
	var pos, flags int
	if _, err := fmt.Sscanf(string(data), "pos:\t%d\nflags:\t%o", &pos, &flags); err != nil {
		t.Fatal(err)
	}
	return flags
}

// terminal makes a pseudo-terminal in its usual mode.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	n, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		need.Missing(t, "pseudo-terminals", err.Error())
	}
	master = os.NewFile(uintptr(n), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	unlock := int32(0)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(n), syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock))); e != 0 {
		t.Fatal(e)
	}
	m, err := syscall.Open(ptsName(t, master), syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, os.NewFile(uintptr(m), "terminal")
}

func ptsName(t *testing.T, master *os.File) string {
	t.Helper()
	var n uint32
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), syscall.TIOCGPTN, uintptr(unsafe.Pointer(&n))); e != 0 {
		t.Fatal(e)
	}
	return fmt.Sprint("/dev/pts/", n)
}

func expectScreen(t *testing.T, master *os.File, want string) {
	t.Helper()
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		n, err := fdFile(master.Fd()).Read(got[len(got):len(want)])
		if err != nil {
			t.Fatalf("the screen, after %q: %v", got, err)
		}
		got = got[:len(got)+n]
	}
	if string(got) != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
}

// A slow reader of stdout holds the tunnel up, and loses nothing.
func TestNetcatIntoASlowPipe(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	outr, outw := osPipe(t)
	p, c := netcat(t, nil, devNull(t), outw)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(patternOf(n)[:n])
		c.CloseWrite()
		sent <- err
	}()
	var k checker
	buf := make([]byte, 3000)
	for {
		m, err := fdFile(outr.Fd()).Read(buf)
		k.Write(buf[:m])
		if err != nil {
			break
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if k.Err != nil || k.N != n {
		t.Errorf("%d bytes, %v", k.N, k.Err)
	}
	c.Close()
	p.expect(0, "")
}

// The blob goes where -d says; 0 is nowhere; a closed descriptor is a fault.
func TestNotificationDescriptor(t *testing.T) {
	t.Parallel()
	r, w := osPipe(t)
	peer, sock := network(t)
	env, _ := trusting(t)
	p := start(t, spec{program: "s6-tlsc-io", args: []string{"-k", pki.Host, "-d", "9", "6", "7", "ignored"}, env: env,
		files: map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock), 9: w}})
	c := answering(t, peer, tls13)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	blob, err := io.ReadAll(fdFile(r.Fd()))
	if err != nil || !strings.HasPrefix(string(blob), "SSL_PROTOCOL=TLSv1.3\x00") || !strings.HasSuffix(string(blob), "/CN=test server\x00\x00") {
		t.Errorf("%q, %v", blob, err)
	}
	c.Close()
	p.expect(0, "")

	for _, bad := range []struct {
		args string
		code int
		line string
	}{
		{"-d 9 6 7", 111, "fatal: unable to check descriptor 9: bad file descriptor"},
		{"6 8", 111, "fatal: unable to check descriptor 8: bad file descriptor"},
		{"6", 100, "usage: "},
		{"6 x", 100, "usage: "},
		{"", 100, "usage: "},
		{"-- -1 7", 100, "usage: "},
	} {
		_, sock := network(t)
		p := start(t, spec{program: "s6-tlsc-io", args: strings.Fields(bad.args), env: env,
			files: map[int]*os.File{0: devNull(t), 1: devNull(t), 6: sock, 7: dup(t, sock)}})
		if code := p.code(); code != bad.code {
			t.Errorf("%s: exit code %d", bad.args, code)
		}
		if out := p.stderr(); !strings.HasPrefix(out, "s6-tlsc-io: "+bad.line) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: stderr %q", bad.args, out)
		}
	}
}

// s6-tlsd-io by hand is the same on the server's side.
func TestServerTunnelByHand(t *testing.T) {
	t.Parallel()
	peer, sock := network(t)
	env, _ := material(t)
	inr, inw := osPipe(t)
	outr, outw := osPipe(t)
	p := start(t, spec{program: "s6-tlsd-io", args: []string{"-S", "10", "11"}, env: env,
		files: map[int]*os.File{0: sock, 1: dup(t, sock), 10: inr, 11: outw}})
	c := handshake(t, peer)
	c.Write([]byte("ask"))
	c.CloseWrite()
	if got, err := io.ReadAll(fdFile(outr.Fd())); string(got) != "ask" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	inw.Write([]byte("answer"))
	inw.Close()
	expectPeer(t, c, "answer", true)
	c.Close()
	p.expect(0, "")
}
