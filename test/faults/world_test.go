package faults

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/selected"
	"ucspitls/internal/tunnel"
	"ucspitls/test/lab/pattern"
	lab "ucspitls/test/lab/world"
)

// A side is a tunnel with prog behind it.
type side struct {
	name        string
	t           *tunnel.Tunnel
	net         *lab.Socket
	up, down    *lab.Pipe // prog's output and input
	notify      *lab.Pipe
	established bool

	want     tunnel.Events
	deadline time.Duration
	started  bool
	done     bool
	err      error

	// prog writes what it has, closes its output, reads to EOF and exits
	say     []byte
	written int
	got     []byte
	gotEOF  bool
	late    time.Duration // it reads nothing before
}

// A world is two sides, the network between them and the time.
type world struct {
	client, server *side
	now            time.Duration
	rst            bool
	steps          int
	noise          *rand.Rand // makes calls fail and wake-ups come for nothing; nil: never
}

// The timeouts of every session here. There is always one that ends it.
const (
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 60 * time.Second
)

// options of a session.
type options struct {
	version uint16
	strict  bool // -S and -J on both sides
	size    int  // of what each prog says
}

// endpoints are made once for each version: a session needs no new keys.
var endpoints = func() func(t testing.TB, v uint16) (server, client backend.Endpoint) {
	var mu sync.Mutex
	made := map[uint16][2]backend.Endpoint{}
	return func(t testing.TB, v uint16) (backend.Endpoint, backend.Endpoint) {
		mu.Lock()
		defer mu.Unlock()
		if e, ok := made[v]; ok {
			return e[0], e[1]
		}
		p := pki.New(t)
		server, err := selected.Backend.NewServer(&backend.ServerConfig{Default: p.Server(pki.P256).Pair(), Client: backend.CertOptional,
			Common: backend.Common{Anchors: p.Anchors(), MinVersion: v, MaxVersion: v}})
		if err != nil {
			t.Fatal(err)
		}
		client, err := selected.Backend.NewClient(&backend.ClientConfig{ServerName: pki.Host, Keys: p.Client(pki.P256).Pair(),
			Common: backend.Common{Anchors: p.Anchors(), MinVersion: v, MaxVersion: v}})
		if err != nil {
			t.Fatal(err)
		}
		made[v] = [2]backend.Endpoint{server, client}
		return server, client
	}
}()

func newWorld(t testing.TB, o options) *world {
	w := &world{}
	server, client := endpoints(t, o.version)
	there, back := lab.NewLane(), lab.NewLane()
	w.client = w.side("client", client, o, there, back)
	w.server = w.side("server", server, o, back, there)
	return w
}

func (w *world) side(name string, e backend.Endpoint, o options, out, in *lab.Lane) *side {
	newPipe := func() *lab.Pipe { return lab.NewPipe(1<<16, w.fails) }
	s := &side{name: name, up: newPipe(), down: newPipe(), notify: newPipe(), say: pattern.Slice(1000*int(name[0]), o.size)}
	s.net = lab.NewSocket(in, out, &w.now, &w.rst)
	s.net.Fails = w.fails
	wire := tunnel.NewWire()
	s.t = tunnel.New(tunnel.Config{
		Conn: e.NewConn(wire), Wire: wire, Net: s.net,
		In: lab.Output{Pipe: s.up}, Out: lab.Input{Pipe: s.down}, Notify: lab.Input{Pipe: s.notify},
		Established: func(backend.State) []byte { s.established = true; return []byte("blob") },
		Rules:       tunnel.Rules{CloseNotify: o.strict, Enforce: o.strict, HandshakeTimeout: handshakeTimeout, IdleTimeout: idleTimeout},
	}, 0)
	return s
}

func (w *world) close() {
	w.client.t.Conn.Close()
	w.server.t.Conn.Close()
}

func (w *world) fails() bool { return w.noise != nil && w.noise.IntN(3) == 0 }

// prog goes on with what it is at, and reports whether anything moved.
func (s *side) prog(now time.Duration) (moved bool) {
	if s.up.Writer {
		if s.written < len(s.say) && s.up.Reader {
			n := min(len(s.say)-s.written, s.up.Size-len(s.up.Buf), 1000)
			s.up.Buf = append(s.up.Buf, s.say[s.written:s.written+n]...)
			s.written += n
			moved = n > 0
		}
		if s.written == len(s.say) || !s.up.Reader {
			s.up.Writer, moved = false, true
		}
	}
	if now >= s.late && s.down.Reader {
		if len(s.down.Buf) > 0 {
			s.got = append(s.got, s.down.Buf...)
			s.down.Buf, moved = nil, true
		} else if !s.down.Writer && !s.gotEOF {
			s.gotEOF, moved = true, true
		}
		if s.gotEOF && !s.up.Writer {
			s.down.Reader, s.notify.Reader = false, false // it exits
		}
	}
	return moved
}

// events is what poll would say of everything.
func (s *side) events() (e tunnel.Events) {
	set := func(so bool, which tunnel.Events) {
		if so {
			e |= which
		}
	}
	set(s.net.Readable(), tunnel.NetIn)
	set(s.net.Writable(), tunnel.NetOut)
	set(len(s.up.Buf) > 0 || !s.up.Writer, tunnel.LocalIn)
	set(!s.up.Writer, tunnel.InHangup)
	set(!s.down.Reader, tunnel.LocalOut|tunnel.OutHangup)
	set(len(s.down.Buf) < s.down.Size, tunnel.LocalOut)
	set(!s.notify.Reader || len(s.notify.Buf) < s.notify.Size, tunnel.NotifyOut)
	return e
}

// closeNotify is how long a record of it is at most, with a FIN behind it. A
// peer that has everything need not take it.
const closeNotify = 32

// maxSteps is far more than a session needs.
const maxSteps = 2_000_000

// run goes on until both tunnels have ended.
func (w *world) run() error {
	for !w.client.done || !w.server.done {
		moved := false
		next := time.Duration(-1)
		sooner := func(at time.Duration) {
			if at > w.now && (next < 0 || at < next) {
				next = at
			}
		}
		for _, s := range []*side{w.client, w.server} {
			sooner(s.net.Out.Move(w.now))
			if s.net.Out.What == lab.Reset && s.net.Out.Reached() {
				w.rst = true
			}
		}
		for _, s := range []*side{w.client, w.server} {
			moved = s.prog(w.now) || moved
			sooner(s.late)
			if s.done {
				if !s.net.Out.Fin && !w.rst { // its process is gone
					s.net.Out.Leave(w.now)
					moved = true
				}
				s.net.In.Read = s.net.In.Arrived // and its socket with it
				continue
			}
			ready := s.events() & s.want
			due := s.deadline >= 0 && w.now >= s.deadline
			if w.noise != nil && w.noise.IntN(10) == 0 {
				due = true // for nothing
			}
			if s.started && ready == 0 && !due {
				sooner(s.deadline)
				continue
			}
			s.started, moved = true, true
			s.want, s.deadline, s.done, s.err = s.t.Step(w.now, ready)
			if w.steps++; w.steps > maxSteps {
				return fmt.Errorf("spins: the %s wants %b, has %b, at %v", s.name, s.want, ready, w.now)
			}
			if s.deadline >= 0 && !s.done {
				sooner(max(s.deadline, w.now+1))
			}
		}
		if moved {
			continue
		}
		if next < 0 {
			return fmt.Errorf("hangs at %v: client done %v, server done %v", w.now, w.client.done, w.server.done)
		}
		w.now = next
	}
	for _, s := range []*side{w.client, w.server} {
		for s.prog(max(w.now, s.late)) {
		}
	}
	return nil
}

// check tests what holds whatever happened.
func (w *world) check() error {
	for _, x := range [][2]*side{{w.client, w.server}, {w.server, w.client}} {
		s, other := x[0], x[1]
		if err := s.check(other, w.rst); err != nil {
			return fmt.Errorf("%s (ended with %v): %w", s.name, s.err, err)
		}
	}
	if w.now > 5*time.Minute {
		return fmt.Errorf("took %v", w.now)
	}
	return nil
}

func (s *side) check(other *side, rst bool) error {
	switch {
	case !bytes.HasPrefix(other.say, s.got):
		return errors.New("prog got bytes that were not sent, or not in this order")
	case len(s.got) > other.written:
		return errors.New("prog got more than was written")
	case !s.gotEOF:
		return errors.New("prog has no EOF")
	case s.down.Writer || s.up.Reader || s.notify.Writer:
		return fmt.Errorf("a descriptor was left open: prog's input %v, its output %v, the information %v", s.down.Writer, s.up.Reader, s.notify.Writer)
	}
	if err := s.known(); err != nil {
		return err
	}
	if s.err != nil {
		return nil
	}
	// A normal end.
	switch {
	case !s.established:
		return errors.New("a normal end without a handshake")
	case s.t.Enforce && len(s.got) != len(other.say):
		return fmt.Errorf("a normal end under -J, but prog got %d of %d bytes", len(s.got), len(other.say))
	case int(s.t.Stats.FromProg) != len(s.say):
		return fmt.Errorf("a normal end, but only %d bytes were taken from prog", s.t.Stats.FromProg)
	case s.net.Out.Unacked() > closeNotify && s.t.Stats.Unacked == 0 && !s.t.StrictPeer:
		return fmt.Errorf("a normal end, but %d bytes were not acknowledged", s.net.Out.Unacked())
	}
	return nil
}

// known reports whether an end is one that has an exit code of its own, and
// none that blames us.
func (s *side) known() error {
	var tls *backend.Error
	var net *tunnel.NetworkError
	var stuck *tunnel.UndeliveredError
	switch {
	case s.err == nil, errors.As(s.err, &net), errors.As(s.err, &stuck), errors.Is(s.err, tunnel.ErrIdle),
		errors.Is(s.err, tunnel.ErrHandshakeTimeout), errors.Is(s.err, tunnel.ErrNoCloseNotify):
		return nil
	case errors.As(s.err, &tls) && tls.Kind >= backend.Handshake && tls.Reason != backend.InternalError:
		return nil
	}
	return fmt.Errorf("an end that is none of the peer's: %v", errors.Unwrap(s.err))
}

// thorough reports whether every byte is to be tried.
var thorough = os.Getenv("UCSPITLS_FAULTS") != ""
