package session

import (
	"errors"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/option"
	"ucspitls/internal/tunnel"
	"ucspitls/internal/ucspi"
)

// A Service is a server's side that was set up once, for many sessions: its
// files are read, its privileges dropped. Any goroutine may use it.
type Service struct {
	pattern  session
	endpoint backend.Endpoint
	lost     <-chan struct{}
}

// Lost is closed when the key guard has ended, after which there are no more
// handshakes; LostGuard is the error of that. Without a guard it is nil.
func (v *Service) Lost() <-chan struct{} { return v.lost }

// LostGuard has code 97.
func LostGuard() error {
	return diag.Fail(diag.Setup, ucspi.KeyGuard, "=1: the key guard ended, or did not answer: no more handshakes are possible")
}

// NewService does what an -io does before the first byte from the network is
// parsed. Its warnings go to p.
func NewService(b backend.Backend, p *diag.Printer, s *option.Settings) (*Service, error) {
	v := &Service{pattern: session{Role: Server, Printer: p, settings: s, many: true, backend: b}}
	e, release, err := v.pattern.configure()
	if err != nil {
		return nil, err
	}
	release()
	v.endpoint = e
	if v.pattern.guard != nil {
		v.lost = v.pattern.guard.Watch()
	}
	return v, nil
}

// A Request is what a session has for itself. Whoever drives the session closes
// the descriptors that are left when it is over.
type Request struct {
	Printer  *diag.Printer
	Settings option.Settings // -S, -J and -K
	Remote   string          // the peer's address
	Idle     time.Duration
	Linger   time.Duration // 0: tunnel.DefaultLinger
	FDs      tunnel.FDs
	// AfterCommand: the peer has asked for TLS in cleartext before.
	AfterCommand bool
	Start        time.Duration // by the clock that Step is given
	Pool         *tunnel.Pool
	Close        tunnel.Closer
	Turn         tunnel.Turn // for calls on prog's descriptors
	Shaken       func()      // called when the handshake is done, before prog is told
}

// A Session is one tunnel of a Service.
type Session struct {
	*tunnel.Tunnel
	x     session
	net   *tunnel.Net
	start time.Duration
	over  bool
}

// Begin starts a session.
func (v *Service) Begin(r Request) *Session {
	s := &Session{x: v.pattern, start: r.Start}
	s.x.Printer, s.x.settings, s.x.fds = r.Printer, &r.Settings, r.FDs
	s.x.env = environment{idle: r.Idle, remote: r.Remote}
	s.net = tunnel.NewNet(r.FDs.NetIn, r.FDs.NetOut, r.Close, r.Turn)
	wire := tunnel.NewWire()
	in, out := tunnel.NewStream(r.FDs.LocalIn, r.Close, r.Turn), tunnel.NewStream(r.FDs.LocalOut, r.Close, r.Turn)
	c := tunnel.Config{
		Conn: v.endpoint.NewConn(wire), Wire: wire, Net: s.net, In: in, Out: out,
		Established: func(state backend.State) []byte {
			blob := s.x.established(state, func() {})
			r.Shaken()
			return blob
		},
		Rules: tunnel.Rules{
			AfterCommand:     r.AfterCommand,
			CloseNotify:      r.Settings.CloseNotify,
			Enforce:          r.Settings.Enforce,
			HandshakeTimeout: time.Duration(r.Settings.Timeout) * time.Millisecond,
			IdleTimeout:      r.Idle,
			Linger:           r.Linger,
		},
		Pool: r.Pool,
	}
	if r.FDs.Notify >= 0 {
		c.Notify = tunnel.NewNotifier(r.FDs.Notify, r.Close, r.Turn)
	}
	s.Tunnel = tunnel.New(c, r.Start)
	return s
}

// End finishes a session whose Step was done, and gives the error that an -io
// would have ended with; it has written the summary. As with an -io nobody can
// go on with the network afterwards.
func (s *Session) End(now time.Duration, err error) *diag.Error {
	s.x.state = s.Conn.State()
	s.x.summary(s.Tunnel, now-s.start, err)
	failed := s.x.outcome(err)
	s.Abort()
	var e *diag.Error
	if failed == nil || !errors.As(failed, &e) {
		return nil
	}
	return e
}

// Abort ends a session at once, as the death of an -io would. It may be called
// again.
func (s *Session) Abort() {
	if s.over {
		return
	}
	s.over = true
	s.net.Shutdown()
	s.Tunnel.Close()
	s.Conn.Close()
}
