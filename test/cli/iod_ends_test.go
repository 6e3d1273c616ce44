//go:build linux

package cli

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucspitls/internal/handover"
)

// An ending is a session of a shared process in which the test is wrapper, prog
// and peer: it can hold whatever any of them could.
type ending struct {
	t    *testing.T
	link *link
	peer *tap
	conn *tls.Conn
	sock *os.File // prog's copy of the network
	wr   *os.File // prog's output
	rd   *os.File // prog's input
	blob *os.File
	dups []*os.File // of the tunnel's ends
	code chan int   // -1: the link ended without one
	said chan string
}

func (d *daemon) begin(t *testing.T, env []string, s handover.Session, waits bool) *ending {
	t.Helper()
	e := &ending{t: t, code: make(chan int, 1), said: make(chan string, 1)}
	e.peer, e.sock = network(t)
	link, err := offer(t, d.path, s, env)
	if err != nil {
		t.Fatal(err)
	}
	e.link = link
	inR, inW, err1 := ownPipe(1)
	outR, outW, err2 := ownPipe(0)
	blobR, blobW, err3 := ownPipe(1)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	n := int(e.sock.Fd())
	if err := link.Send(n, int(outR.Fd()), int(inW.Fd()), int(blobW.Fd())); err != nil {
		t.Fatal(err)
	}
	e.wr, e.rd, e.blob, e.dups = outW, inR, blobR, []*os.File{inW, outR, blobW}
	if waits {
		go func() {
			var all strings.Builder
			code, ok := link.Wait(func(line string) { all.WriteString(line) })
			if !ok {
				code = -1
			}
			e.said <- all.String()
			e.code <- code
		}()
	}
	e.conn = tls.Client(e.peer, &tls.Config{InsecureSkipVerify: true})
	return e
}

func (e *ending) shake() {
	e.t.Helper()
	if err := e.conn.Handshake(); err != nil {
		e.t.Fatal(err)
	}
}

// fill has prog write until nothing more goes to a peer that does not read.
func (e *ending) fill() {
	e.t.Helper()
	e.shake()
	n := int(e.wr.Fd())
	syscall.SetNonblock(n, true)
	full := 0
	eventually(e.t, "full sockets", func() bool {
		full++
		for block := patternOf(60000); ; full = 0 {
			if _, err := syscall.Write(n, block); err != nil {
				return full > 20
			}
		}
	})
}

// leave is prog's end.
func (e *ending) leave() { e.wr.Close(); e.rd.Close() }

// ends are all ways in which a session can end.
var ends = []struct {
	name    string
	session handover.Session
	end     func(e *ending)
	code    int    // -1: there is nobody to hear it
	line    string // how it begins
}{
	{"close_notify", handover.Session{}, func(e *ending) { e.shake(); e.conn.CloseWrite(); e.leave(); e.peer.CloseWrite() }, 0, ""},
	{"FIN", handover.Session{}, func(e *ending) { e.shake(); e.peer.CloseWrite(); e.leave() }, 0, ""},
	{"the peer leaves the connection open", handover.Session{}, func(e *ending) { e.shake(); e.leave() }, 0, ""},
	{"the same with -S", handover.Session{CloseNotify: true}, func(e *ending) { e.shake(); e.wr.Write([]byte("bye")); e.leave() }, 0, ""},
	{"reset at the end", handover.Session{}, func(e *ending) { e.shake(); e.leave(); drain(e.peer); reset(e.peer) }, 0, ""},
	{"reset", handover.Session{}, func(e *ending) { e.shake(); reset(e.peer) }, 98, "fatal: connection lost"},
	{"bad record", handover.Session{}, func(e *ending) { e.shake(); e.peer.TCPConn.Write([]byte(inRecord(23, strings.Repeat("x", 40)))) }, 98, "fatal: "},
	{"bad record, FIN", handover.Session{}, func(e *ending) {
		e.shake()
		e.peer.TCPConn.Write([]byte(inRecord(23, strings.Repeat("x", 40))))
		e.peer.CloseWrite()
	}, 98, "fatal: "},
	{"truncated", handover.Session{}, func(e *ending) { e.shake(); e.peer.TCPConn.Write([]byte("\x17\x03\x03\x00\x40x")); e.peer.CloseWrite() }, 98, "fatal: "},
	{"-J", handover.Session{Enforce: true}, func(e *ending) { e.shake(); e.peer.CloseWrite() }, 98, "fatal: remote closed connection without a close_notify"},
	{"-K", handover.Session{Timeout: 200}, func(e *ending) {}, 98, "fatal: handshake timed out"},
	{"-K in the middle of it", handover.Session{Timeout: 200}, func(e *ending) { e.peer.TCPConn.Write([]byte("\x16\x03\x01")) }, 98, "fatal: handshake timed out"},
	{"idle", handover.Session{Idle: "200"}, func(e *ending) { e.shake() }, 98, "fatal: idle for 200 ms"},
	{"the wrapper is killed", handover.Session{}, func(e *ending) { e.shake(); e.link.Close() }, -1, ""},
	{"the wrapper is killed in the handshake", handover.Session{}, func(e *ending) { e.link.Close() }, -1, ""},
	{"cleartext", handover.Session{}, func(e *ending) { e.peer.TCPConn.Write([]byte("QUIT\r\n")) }, 98, "fatal: cleartext was sent"},
	{"handshake refused", handover.Session{}, func(e *ending) {
		tls.Client(e.peer, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	}, 98, "fatal: handshake failed"},
	{"FIN in the handshake", handover.Session{}, func(e *ending) { e.peer.CloseWrite() }, 98, "fatal: handshake failed"},
	{"prog leaves in the handshake", handover.Session{Linger: "200"}, func(e *ending) { e.leave() }, 98, "fatal: handshake timed out"},
	{"the peer takes nothing", handover.Session{Linger: "300"}, func(e *ending) { e.fill(); e.leave() }, 98, "fatal: the peer did not take everything: "},
	{"prog does not read", handover.Session{Linger: "300"}, func(e *ending) {
		e.shake()
		e.wr.Close()
		e.conn.Write(patternOf(100000))
		e.conn.CloseWrite()
	}, 98, "fatal: prog did not read everything: "},
	{"prog does not read, a bad record", handover.Session{Linger: "300"}, func(e *ending) {
		e.shake()
		e.conn.Write(patternOf(100000))
		e.peer.TCPConn.Write([]byte(inRecord(23, strings.Repeat("x", 40))))
	}, 98, "fatal: "},
}

// whoHolds is who still has descriptors of a session that is over.
var whoHolds = []struct {
	name                          string
	network, pipes, dups, control bool
}{
	{name: "nobody"},
	{name: "prog holds the network", network: true},
	{name: "prog holds its pipes", pipes: true},
	{name: "somebody holds the tunnel's ends of them", dups: true},
	{name: "the wrapper holds the control socket", control: true},
	{name: "a grandchild holds all", network: true, pipes: true, dups: true, control: true},
}

// TestNothingWatchesWhatIsOver: after every way in which a session can end, and
// whoever still holds what, the shared process has the descriptors that it had
// before, watches none more, and does not run.
func TestNothingWatchesWhatIsOver(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before := held(worker)
	for _, end := range ends {
		t.Run(strings.ReplaceAll(end.name, " ", "_"), func(t *testing.T) {
			var kept []*os.File
			defer func() {
				for _, f := range kept {
					f.Close()
				}
			}()
			var running []*ending
			for _, h := range whoHolds {
				s := end.session
				s.ID, s.Verbosity, s.Delayed = "1", 1, true
				e := d.begin(t, env, s, end.code >= 0)
				if h.dups {
					kept = append(kept, e.dups...)
				} else {
					for _, f := range e.dups {
						f.Close()
					}
				}
				if !h.network {
					e.sock.Close()
				}
				end.end(e)
				running = append(running, e)
				if h.network {
					kept = append(kept, e.sock)
				}
				kept = append(kept, e.wr, e.rd, e.blob) // the blob is never read
			}
			for i, e := range running {
				if end.code < 0 {
					continue
				}
				select {
				case code := <-e.code:
					if said := <-e.said; code != end.code || !strings.HasPrefix(said, end.line) {
						t.Errorf("%s: %d, %q, want %d, %q", whoHolds[i].name, code, said, end.code, end.line)
					}
				case <-time.After(patience):
					t.Fatalf("%s: never ends", whoHolds[i].name)
				}
				if !whoHolds[i].control && end.code >= 0 {
					e.link.Close()
				}
				if !whoHolds[i].pipes {
					e.leave()
				}
			}
			eventuallyHeld(t, worker, before)
			watchesItsOwn(t, worker)
			sleeps(t, worker)
			for i, e := range running {
				if whoHolds[i].control && end.code >= 0 {
					e.link.Close()
				}
				e.peer.Close()
			}
		})
	}
	expectLine(t, d.stop(), "")
}

// TestErrorQueue: prog holds the network as well, and can have the kernel report
// to its error queue. That is no reason to run.
func TestErrorQueue(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	e := d.begin(t, env, handover.Session{ID: "1", Verbosity: 1, Delayed: true}, true)
	e.shake()
	const timestamping, txSoftware, software, ack = 37, 1 << 1, 1 << 4, 1 << 9
	if err := syscall.SetsockoptInt(int(e.sock.Fd()), syscall.SOL_SOCKET, timestamping, txSoftware|software|ack); err != nil {
		t.Skip(err)
	}
	e.wr.Write([]byte("hello"))
	b := make([]byte, 5)
	if _, err := io.ReadFull(e.conn, b); err != nil {
		t.Fatal(err)
	}
	sleeps(t, d.worker())
	e.conn.Write(b)
	if _, err := io.ReadFull(e.rd, b); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	e.peer.CloseWrite()
	e.leave()
	if code := <-e.code; code != 0 {
		t.Errorf("%d: %s", code, <-e.said)
	}
	e.sock.Close()
	d.stop()
}

// TestLingeringSocket: prog has the network's socket too, and can say that its
// last close is to wait for the peer (SO_LINGER). The last one is the shared
// process's, which has others to serve.
func TestLingeringSocket(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before := held(worker)
	for _, end := range []struct {
		session handover.Session
		of      func(e *ending)
	}{
		{handover.Session{}, func(e *ending) { e.leave(); e.link.Close() }}, // the wrapper is killed
		{handover.Session{Linger: "100"}, func(e *ending) { e.leave(); <-e.code }},
		{handover.Session{Idle: "100"}, func(e *ending) { <-e.code; e.leave() }},
	} {
		for range 2 { // loops
			end.session.ID, end.session.Delayed = "1", true
			e := d.begin(t, env, end.session, end.session.Idle+end.session.Linger != "")
			e.fill()
			if err := syscall.SetsockoptLinger(int(e.sock.Fd()), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: 600}); err != nil {
				t.Fatal(err)
			}
			e.sock.Close()
			end.of(e)
			for _, f := range append(e.dups, e.blob) {
				f.Close()
			}
		}
	}
	eventuallyHeld(t, worker, before)
	d.stop()
}
