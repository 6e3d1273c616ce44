//go:build linux

package cli

import (
	"crypto/tls"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/test/lab/proc"
)

// TestSharedIdle: what an idle tunnel costs, and a live one beside it.
// UCSPITLS_IDLE=10000 is how many there are.
func TestSharedIdle(t *testing.T) {
	needSight(t)
	total := 500
	if n, err := strconv.Atoi(os.Getenv("UCSPITLS_IDLE")); err == nil {
		// Three descriptors for a tunnel, here and there; where the limit can't
		// be raised, as many tunnels as fit.
		total = min(n, (raiseOpenFiles(3*n+1000)-1000)/3)
	}
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	live := openSession(t, d, env)
	for range 50 {
		live.ping(t)
	}
	before, alone := footprint(t, worker), live.median(t)
	all := make([]*liveSession, total)
	gate := make(chan bool, 20)
	var team sync.WaitGroup
	for i := range all {
		gate <- true
		team.Add(1)
		go func() {
			defer team.Done()
			defer func() { <-gate }()
			all[i] = openSession(t, d, env)
		}()
	}
	team.Wait()
	if t.Failed() {
		t.FailNow()
	}
	after, among := footprint(t, worker), live.median(t)
	each := (after - before) / total
	t.Logf("%d idle tunnels: %d kB in all, %.1f kB each; a round trip takes %v alone, %v among them", total, after>>10, float64(each)/1024, alone, among)
	if each > 60<<10 {
		t.Errorf("%d bytes for an idle tunnel", each)
	}
	for _, s := range all {
		s.ping(t) // each is alive
	}
	for _, s := range append(all, live) {
		s.close()
	}
	expectLine(t, d.stop(), "")
}

// raiseOpenFiles raises this process's limit, and so its children's, to n or as
// far as it may, and gives what there is.
func raiseOpenFiles(n int) int {
	var l syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	want := syscall.Rlimit{Cur: max(l.Cur, uint64(n)), Max: max(l.Max, uint64(n))}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) != nil {
		l.Cur = l.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return int(l.Cur)
}

// footprint is the proportional set size, in bytes.
func footprint(t *testing.T, pid int) int {
	t.Helper()
	kB, err := proc.Proportional(pid)
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

type liveSession struct {
	*hand
	conn *tls.Conn
}

// openSession makes a session whose prog is the test.
func openSession(t *testing.T, d *daemon, env []string) *liveSession {
	peer, sock, err := joined()
	var h *hand
	if err == nil {
		h, err = d.hand(env, peer, sock)
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	s := &liveSession{h, tls.Client(peer, &tls.Config{InsecureSkipVerify: true})}
	if err := s.conn.Handshake(); err != nil {
		t.Error(err)
	}
	if blob, err := io.ReadAll(h.notify); err != nil || len(blob) == 0 {
		t.Errorf("no blob: %v", err)
	}
	h.notify.Close()
	h.link.Close() // as a wrapper does, which becomes prog
	h.link = nil
	return s
}

// ping sends 64 bytes there and back.
func (s *liveSession) ping(t *testing.T) time.Duration {
	t.Helper()
	var b [64]byte
	began := time.Now()
	_, err := s.conn.Write(b[:])
	for n := 0; err == nil && n < len(b); {
		var m int
		m, err = s.toProg.Read(b[n:])
		n += m
	}
	if err == nil {
		_, err = s.fromProg.Write(b[:])
	}
	for n := 0; err == nil && n < len(b); {
		var m int
		m, err = s.conn.Read(b[n:])
		n += m
	}
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

func (s *liveSession) median(t *testing.T) time.Duration {
	t.Helper()
	var took []time.Duration
	for range 501 {
		took = append(took, s.ping(t))
	}
	slices.Sort(took)
	return took[len(took)/2]
}
