//go:build linux

package cli

import (
	"io"
	"syscall"
	"testing"

	"ucspitls/internal/handover"
)

// TestHandOverComesToNothing: a connection that never becomes a session leaves
// nothing open either.
func TestHandOverComesToNothing(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	before := held(worker)
	hello := firstMessage(t, handover.Session{ID: "1"}, env)
	one, other := devNull(t), devNull(t)
	defer one.Close()
	defer other.Close()
	for name, messages := range map[string][]string{
		"nothing is said":                 {},
		"half a hello":                    {string(hello[:9])},
		"no files":                        {string(hello)},
		"descriptors of the wrong kind":   {string(hello), "Fnrwd"},
		"descriptors, and not the letter": {string(hello), "Gnrwd"},
		"one descriptor too many":         {string(hello), "Fnrw"},
	} {
		fd := dialPacket(t, d.path)
		answer := make([]byte, 100)
		for i, m := range messages {
			var rights []byte
			if i == 1 {
				rights = syscall.UnixRights(int(one.Fd()), int(one.Fd()), int(other.Fd()), int(one.Fd()))
			}
			syscall.Sendmsg(fd, []byte(m), rights, nil, syscall.MSG_NOSIGNAL)
			if i == 0 && m == string(hello) {
				syscall.Read(fd, answer)
			}
		}
		// It is held, and so are its descriptors.
		defer syscall.Close(fd)
		t.Log(name)
	}
	eventuallyHeld(t, worker, before)
	watchesItsOwn(t, worker)
	sleeps(t, worker)
	d.stop()
}

// TestDrainWhileAllIsHeld: a worker that drains ends with its last session,
// whoever holds what of those before, and does not run until then.
func TestDrainWhileAllIsHeld(t *testing.T) {
	needSight(t)
	t.Parallel()
	d, env := ownDaemon(t, nil)
	worker := d.worker()
	s := handover.Session{ID: "1", Verbosity: 1, Delayed: true}
	over, live := d.begin(t, env, s, true), d.begin(t, env, s, true)
	for _, e := range []*ending{over, live} {
		e.shake()
	}
	over.peer.CloseWrite()
	over.leave()
	if code := <-over.code; code != 0 {
		t.Error(code)
	}
	syscall.Kill(d.pid, syscall.SIGHUP)
	eventually(t, "another worker", func() bool { now := children(d.pid); return len(now) == 2 })
	sleeps(t, worker)
	live.conn.Write([]byte("still here"))
	b := make([]byte, 10)
	if _, err := io.ReadFull(live.rd, b); err != nil || string(b) != "still here" {
		t.Errorf("%q, %v", b, err)
	}
	live.peer.CloseWrite()
	live.leave()
	eventually(t, "the end of the one that drains", func() bool { return len(children(d.pid)) == 1 })
	over.sock.Close()
	live.sock.Close()
	d.stop()
}
