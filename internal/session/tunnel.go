package session

import (
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/tunnel"
)

// A Request is what one connection has for itself. Whoever drives its tunnel
// closes the descriptors that are left when it is over.
type Request struct {
	Printer *diag.Printer
	Rules   tunnel.Rules
	Remote  string // the peer's address, for messages
	FDs     tunnel.FDs
	Net     *tunnel.Net   // of FDs: its options can't be set in every sandbox
	Start   time.Duration // by the clock that Step is given
	Pool    *tunnel.Pool
	Close   tunnel.Closer
	Turn    tunnel.Turn // for calls on prog's descriptors
	// Release, if it is not nil, is called when the handshake is done: what only that
	// needs is no longer needed. OnHandshake is called behind the report of it,
	// before prog is told.
	Release, OnHandshake func()
}

// A Tunnel is one connection of a Setup.
type Tunnel struct {
	*tunnel.Tunnel
	request Request
	setup   *Setup
	closed  bool
}

// Begin starts one.
func (s *Setup) Begin(r Request) *Tunnel {
	t := &Tunnel{setup: s, request: r}
	wire := tunnel.NewWire()
	c := tunnel.Config{
		Conn: s.endpoint.NewConn(wire), Wire: wire, Net: r.Net,
		In:          tunnel.NewStream(r.FDs.LocalIn, r.Close, r.Turn),
		Out:         tunnel.NewStream(r.FDs.LocalOut, r.Close, r.Turn),
		Established: t.established,
		Pool:        r.Pool,
		Rules:       r.Rules,
	}
	if r.FDs.Notify >= 0 {
		c.Notify = tunnel.NewNotifier(r.FDs.Notify, r.Close, r.Turn)
	}
	t.Tunnel = tunnel.New(c, r.Start)
	return t
}

// established reports the handshake and gives the information for prog.
func (t *Tunnel) established(s backend.State) []byte {
	if t.request.Release != nil {
		t.request.Release()
	}
	blob := t.inform(s)
	if t.request.OnHandshake != nil {
		t.request.OnHandshake()
	}
	return blob
}

// End finishes a tunnel whose Step was done, and gives the error that an -io ends
// with; it has written the summary. Nobody can go on with the network afterwards.
func (t *Tunnel) End(now time.Duration, err error) *diag.Error {
	t.summary(t.Conn.State(), now-t.request.Start, err)
	e := t.setup.outcome(err, &t.request)
	t.Abort()
	return e
}

// Abort ends a tunnel at once, as the death of an -io would. It may be called
// again.
func (t *Tunnel) Abort() {
	if t.closed {
		return
	}
	t.closed = true
	t.request.Net.Shutdown()
	t.Tunnel.Close()
	t.Conn.Close()
}
