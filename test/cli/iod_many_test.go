//go:build linux

package cli

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/handover"
)

// Many sessions of a shared process at once, without wrappers.

// A hand is a test that speaks the protocol itself, and so has a session
// without a wrapper.
type hand struct {
	link     *link
	peer     *tap
	toProg   *os.File // what prog would read
	fromProg *os.File // what it would write
	notify   *os.File // the information blob
}

func (d *daemon) hand(env []string, peer *tap, sock *os.File) (*hand, error) {
	defer sock.Close()
	link, err := offer(d.t, d.path, handover.Session{ID: "1", Verbosity: 1}, env)
	if err != nil {
		return nil, err
	}
	h := &hand{link: link, peer: peer}
	inR, inW, err := ownPipe(1)
	if err != nil {
		return nil, err
	}
	outR, outW, err := ownPipe(0)
	if err != nil {
		return nil, err
	}
	blobR, blobW, err := ownPipe(1)
	if err != nil {
		return nil, err
	}
	n := int(sock.Fd())
	err = link.Send(n, int(outR.Fd()), int(inW.Fd()), int(blobW.Fd()))
	inW.Close()
	outR.Close()
	blobW.Close()
	h.toProg, h.fromProg, h.notify = inR, outW, blobR
	return h, err
}

// ownPipe makes a pipe of whose ends one is the tunnel's, as the wrappers do.
func ownPipe(tunnels int) (r, w *os.File, err error) {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	r, w = os.NewFile(uintptr(p[0]), "pipe"), os.NewFile(uintptr(p[1]), "pipe")
	r.Fd()
	w.Fd()
	return r, w, syscall.SetNonblock(p[tunnels], true)
}

func (h *hand) close() {
	h.fromProg.Close()
	h.toProg.Close()
	h.notify.Close()
	if h.link != nil {
		h.link.Close()
	}
	h.peer.Close()
}

// exchange is a whole session in which n bytes come back.
func (h *hand) exchange(n int) error {
	conn := tls.Client(h.peer, &tls.Config{InsecureSkipVerify: true})
	conn.SetDeadline(time.Now().Add(2 * patience))
	go func() { // prog, an echo
		io.Copy(h.fromProg, h.toProg)
		h.fromProg.Close()
	}()
	if err := conn.Handshake(); err != nil {
		return err
	}
	go func() {
		conn.Write(patternOf(n)[:n])
		conn.CloseWrite()
	}()
	var k checker
	if _, err := io.Copy(&k, conn); err != nil {
		return err
	}
	if k.Err != nil || k.N != int64(n) {
		return errors.New("got " + strconv.FormatInt(k.N, 10) + " bytes")
	}
	return conn.Close()
}

// TestSharedMany: thousands of sessions through one worker, and nothing is left of them.
func TestSharedMany(t *testing.T) {
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before, threads := held(worker), len(tasks(t, worker))
	const total, atOnce = 2000, 50
	jobs := make(chan int)
	var team sync.WaitGroup
	for range atOnce {
		team.Add(1)
		go func() {
			defer team.Done()
			for n := range jobs {
				peer, sock, err := joined()
				var h *hand
				if err == nil {
					h, err = d.hand(env, peer, sock)
				}
				if err == nil {
					err = h.exchange(n % 3000)
					h.close()
				}
				if err != nil {
					t.Errorf("session %d: %v", n, err)
				}
			}
		}()
	}
	for n := range total {
		jobs <- n
	}
	close(jobs)
	team.Wait()
	eventuallyHeld(t, worker, before)
	if now := len(tasks(t, worker)); now > threads+4 {
		t.Errorf("%d threads, %d before", now, threads)
	}
	expectLine(t, d.stop(), "")
}

// held is how many sockets and pipes a process has. What the runtime opens for
// itself, at its leisure, is neither.
func held(pid int) (n int) {
	for _, link := range descriptors(pid) {
		if strings.HasPrefix(link, "socket:") || strings.HasPrefix(link, "pipe:") {
			n++
		}
	}
	return n
}

// eventuallyHeld waits until a process has so many again.
func eventuallyHeld(t *testing.T, pid, want int) {
	t.Helper()
	eventually(t, "descriptors that are closed", func() bool { return held(pid) == want })
}
