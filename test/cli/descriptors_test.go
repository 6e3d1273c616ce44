//go:build linux

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
)

// prog has what the tool was started with, and the documented ones.
func TestDescriptorsOfProg(t *testing.T) {
	t.Parallel()
	for _, program := range servers {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			base, dir := material(t)
			lock := filepath.Join(dir, "lock")
			held := locked(t, lock)
			spare, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			x := serveWith(t, spec{program: program, env: base, files: map[int]*os.File{3: held, 9: spare}})
			if delayed(program) {
				a := x.stage.app()
				a.write(a.ctl, "y")
				c := handshake(t, x.peer)
				kinds := fdKinds(a.FDs)
				want := fmt.Sprintf("0 socket, 1 socket, 2 pipe, 3 %s, 9 /dev/null", lock)
				for _, n := range sorted(a.rd, a.wr, a.ctl) {
					kind := "pipe"
					if n == a.ctl {
						kind = "socket"
					}
					want = fmt.Sprintf("%s, %d %s", want, n, kind)
				}
				if !sameSet(kinds, want) {
					t.Errorf("prog has %s\nwant %s", kinds, want)
				}
				checkLock(t, x, a, lock)
				c.Close()
			} else {
				c := handshake(t, x.peer)
				a := x.stage.app()
				want := fmt.Sprintf("0 pipe, 1 pipe, 2 pipe, 3 %s, 9 /dev/null", lock)
				if kinds := fdKinds(a.FDs); kinds != want {
					t.Errorf("prog has %s\nwant %s", kinds, want)
				}
				checkLock(t, x, a, lock)
				c.Close()
			}
			x.expect(0, "")
		})
	}
}

// locked makes a locked file, as setlock and s6-setlock do.
func locked(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return f
}

// checkLock: the lock lasts as long as prog, not as long as its tunnel.
func checkLock(t *testing.T, x *server, a *app, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	try := func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
	if try() == nil {
		t.Error("the lock is lost though prog lives")
	}
	a.exit(0)
	x.code()
	if err := try(); err != nil { // the peer is still connected, so the tunnel lives
		t.Errorf("prog is gone, and somebody still holds its lock: %v", err)
	}
}

func sorted(n ...int) []int { sort.Ints(n); return n }

func sameSet(a, b string) bool {
	x, y := strings.Split(a, ", "), strings.Split(b, ", ")
	sort.Strings(x)
	sort.Strings(y)
	return strings.Join(x, ", ") == strings.Join(y, ", ")
}

// fdKinds is a list such as "0 socket, 1 socket, 2 pipe".
func fdKinds(fds map[int]descriptor) string {
	links := map[int]string{}
	for n, d := range fds {
		links[n] = d.Link
	}
	return linkKinds(links)
}

func linkKinds(links map[int]string) string {
	var numbers []int
	for n, link := range links {
		// Go's runtime makes these for its timers, when it needs one.
		if link != "anon_inode:[eventpoll]" && link != "anon_inode:[eventfd]" {
			numbers = append(numbers, n)
		}
	}
	var b []string
	for _, n := range sorted(numbers...) {
		kind, _, _ := strings.Cut(links[n], ":")
		b = append(b, fmt.Sprint(n, " ", kind))
	}
	return strings.Join(b, ", ")
}

// The waiting process and the -io hold their own descriptors and no others:
// not the lock, not prog's ends of the pipes.
func TestDescriptorsOfTheTunnel(t *testing.T) {
	withoutGuard(t)
	t.Parallel()
	for _, command := range []string{"Y", "y"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			base, dir := material(t)
			lock := locked(t, filepath.Join(dir, "lock"))
			spare, _ := os.Open("/dev/null")
			x := serveWith(t, spec{program: "s6-ucspitlsd", env: base, files: map[int]*os.File{3: lock, 250: spare}})
			a := x.stage.app()
			waiting := child(t, x.pid, "s6-ucspitlsd: waiting for")
			expectDescriptors(t, waiting, "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe, 5 socket")
			a.write(a.ctl, command)
			io := child(t, x.pid, "s6-tlsd-io")
			if io != waiting {
				t.Error("the tunnel is another process than the one that waited")
			}
			during := "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe"
			if command == "Y" {
				during += ", 5 socket"
			}
			expectDescriptors(t, io, during) // no key, no certificate any more
			c := handshake(t, x.peer)
			a.readAll(a.ctl)
			expectDescriptors(t, io, "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe")
			ends := descriptors(io)
			for _, pair := range []struct{ prog, io int }{{a.wr, 3}, {a.rd, 4}} {
				if a.FDs[pair.prog].Link != ends[pair.io] {
					t.Errorf("prog's %d is not the other end of the tunnel's %d", pair.prog, pair.io)
				}
			}
			// Closing the one end must be seen at the other: nobody else holds it.
			a.close(a.wr)
			expectPeer(t, c, "", false)
			x.finish(a, c)
		})
	}
	t.Run("s6-tlsd", func(t *testing.T) {
		t.Parallel()
		base, dir := material(t)
		lock := locked(t, filepath.Join(dir, "lock"))
		x := serveWith(t, spec{program: "s6-tlsd", env: base, files: map[int]*os.File{3: lock}})
		io := child(t, x.pid, "s6-tlsd-io")
		expectDescriptors(t, io, "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe, 5 pipe")
		c := handshake(t, x.peer)
		a := x.stage.app()
		expectDescriptors(t, io, "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe")
		x.finish(a, c)
	})
}

// expectDescriptors waits until a process has these and stays with them.
func expectDescriptors(t *testing.T, pid int, want string) {
	t.Helper()
	needSight(t)
	eventually(t, fmt.Sprintf("descriptors %s; there are %s", want, linkKinds(descriptors(pid))), func() bool {
		return linkKinds(descriptors(pid)) == want
	})
}

// SNI pairs are open until the ClientHello is there, and no longer.
func TestDescriptorsOfServerNames(t *testing.T) {
	needSight(t)
	withoutGuard(t)
	t.Parallel()
	base, dir := material(t)
	for _, name := range []string{"a.example", "b.example", "c.example"} {
		base = append(base, "CERTFILE:"+name+"="+dir+"/server.pem", "KEYFILE:"+name+"="+dir+"/server.key")
	}
	x := serveWith(t, spec{program: "s6-ucspitlsd", args: []string{"-k1"}, env: base})
	a := x.stage.app()
	a.write(a.ctl, "y")
	io := child(t, x.pid, "s6-tlsd-io")
	eventually(t, "six open files", func() bool { return strings.Count(strings.Join(values(descriptors(io)), " "), dir) == 6 })
	c := handshake(t, x.peer, askFor("b.example"))
	expectDescriptors(t, io, "0 socket, 1 socket, 2 pipe, 3 pipe, 4 pipe")
	x.finish(a, c)
}

func values(m map[int]string) (v []string) {
	for _, s := range m {
		v = append(v, s)
	}
	return v
}

// O_NONBLOCK belongs to the open file description, which prog shares.
func TestNothingOfProgIsNonBlocking(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		x, a, c := talk(t, program, nil, version)
		check := func(when string) {
			t.Helper()
			for _, fd := range []int{0, 1, a.rd, a.wr} {
				if a.must(step{Do: "nonblock", FD: fd}).N != 0 {
					t.Errorf("%s: O_NONBLOCK is set on prog's %d", when, fd)
				}
			}
		}
		for fd, d := range a.FDs {
			if d.NonBlock {
				t.Errorf("O_NONBLOCK is set on prog's %d from the start", fd)
			}
		}
		check("after the handshake")
		go c.Write(patternOf(1 << 20))
		a.expectRead(a.rd, string(patternOf(200000)))
		check("under load")
		c.Close()
		a.readAll(a.rd)
		if delayed(program) {
			a.close(a.wr)
			a.expectWait(0)
			for _, fd := range []int{0, 1} {
				if a.must(step{Do: "nonblock", FD: fd}).N != 0 {
					t.Errorf("O_NONBLOCK is set on prog's %d when the tunnel is gone", fd)
				}
			}
		}
		a.exit(0)
		x.expect(0, "")
	})
}

// Closed network descriptors are refused before a pipe could take their numbers.
func TestNetworkNotOpen(t *testing.T) {
	t.Parallel()
	null := func() *os.File { f, _ := os.Open("/dev/null"); return f }
	for _, program := range servers {
		for _, c := range []struct {
			name  string
			files map[int]*os.File
			fd    int
		}{{"0 and 1", nil, 0}, {"1", map[int]*os.File{0: null()}, 1}} {
			env, _ := material(t)
			p := start(t, spec{program: program, args: []string{"--", "true"}, env: env, files: c.files})
			p.expect(111, fmt.Sprintf("%s: fatal: unable to check network descriptor %d: bad file descriptor", program, c.fd))
		}
	}
}
