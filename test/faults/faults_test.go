package faults

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/tunnel"
	lab "ucspitls/test/lab/world"
)

var kinds = []lab.Fault{lab.Cut, lab.Reset, lab.Stall, lab.Swallow}

// each runs a test for both versions, with -sj and with -SJ.
func each(t *testing.T, f func(t *testing.T, o options)) {
	for _, v := range []uint16{backend.TLS12, backend.TLS13} {
		for _, strict := range []bool{false, true} {
			name := map[uint16]string{backend.TLS12: "TLS 1.2", backend.TLS13: "TLS 1.3"}[v] + map[bool]string{true: " -SJ", false: " -sj"}[strict]
			t.Run(name, func(t *testing.T) { f(t, options{version: v, strict: strict, size: 2500}) })
		}
	}
}

// whole runs a session without a fault.
func whole(t *testing.T, o options, edit func(*world)) *world {
	t.Helper()
	w := newWorld(t, o)
	defer w.close()
	if edit != nil {
		edit(w)
	}
	if err := w.run(); err != nil {
		t.Fatal(err)
	}
	if err := w.check(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*side{w.client, w.server} {
		if s.err != nil || len(s.got) != o.size {
			t.Fatalf("the %s got %d of %d bytes, %v", s.name, len(s.got), o.size, s.err)
		}
	}
	return w
}

// ends are the offsets at which records end.
func ends(stream []byte) (list []int) {
	at := 0
	for at+5 <= len(stream) {
		at += 5 + int(binary.BigEndian.Uint16(stream[at+3:]))
		list = append(list, at)
	}
	return list
}

// offsets are where faults are tried: all, or those about the ends and the
// headers of records and every so many of the others.
func offsets(stream []byte) (list []int) {
	about := map[int]bool{0: true, 1: true}
	for _, at := range ends(stream) {
		for _, d := range []int{-1, 0, 1, 4, 5, 6} {
			about[at+d] = true
		}
	}
	stride := 97
	if testing.Short() {
		stride = 499
	}
	for i := range len(stream) + 8 { // a signature may be a few bytes longer the next time
		if thorough || about[i] || i%stride == 0 {
			list = append(list, i)
		}
	}
	return list
}

// TestEveryOffset: each kind of fault at each place of each direction.
func TestEveryOffset(t *testing.T) {
	each(t, func(t *testing.T, o options) {
		good := whole(t, o, nil)
		sessions := 0
		for _, lane := range []string{"to the server", "to the client"} {
			stream := good.client.net.Out.Sent
			if lane == "to the client" {
				stream = good.server.net.Out.Sent
			}
			for _, at := range offsets(stream) {
				for _, kind := range kinds {
					w := newWorld(t, o)
					from, to := w.client, w.server
					if lane == "to the client" {
						from, to = to, from
					}
					from.net.Out.At, from.net.Out.What = at, kind
					sessions++
					err := w.run()
					if err == nil {
						err = w.check()
					}
					if err == nil {
						err = to.judge(from.net.Out)
					}
					w.close()
					if err != nil {
						t.Fatalf("%s at %d %s: %v", kind, at, lane, err)
					}
				}
			}
		}
		t.Logf("%d sessions", sessions)
	})
}

// judge holds the receiver's end against where its input was cut.
func (s *side) judge(in *lab.Lane) error {
	if in.What != lab.Cut || !in.Reached() {
		return nil
	}
	boundary := in.At == 0
	for _, e := range ends(in.Sent) {
		boundary = boundary || e == in.At
	}
	var tls *backend.Error
	is := func(k backend.Kind) bool { return errors.As(s.err, &tls) && tls.Kind == k }
	var net *tunnel.NetworkError
	switch {
	case errors.As(s.err, &net): // what it wrote found nobody any more
		return nil
	case !s.established && !is(backend.Handshake):
		return errors.New("want a failed handshake")
	case s.established && !boundary && !is(backend.Truncated):
		return errors.New("want a cut record")
	case s.established && boundary && s.t.Enforce && len(s.got) < 1 && s.err == nil:
		return errors.New("want a missing close_notify")
	case s.established && boundary && !s.t.Enforce && s.err != nil && !errors.Is(s.err, tunnel.ErrIdle):
		return errors.New("want a normal end")
	}
	return nil
}

// TestSplits: single bytes and other small pieces, in both directions.
func TestSplits(t *testing.T) {
	each(t, func(t *testing.T, o options) {
		for _, chunk := range []int{1, 2, 3, 5, 7, 100} {
			whole(t, o, func(w *world) {
				for _, s := range []*side{w.client, w.server} {
					s.net.Out.Chunk = chunk
				}
			})
		}
	})
}

// TestDelays: either direction is late against the other.
func TestDelays(t *testing.T) {
	delays := []time.Duration{0, time.Millisecond, 40 * time.Millisecond, 700 * time.Millisecond, 2100 * time.Millisecond}
	each(t, func(t *testing.T, o options) {
		for _, there := range delays {
			for _, back := range delays {
				for _, chunk := range []int{3000, 700} {
					whole(t, o, func(w *world) {
						w.client.net.Out.Delay, w.server.net.Out.Delay = there, back
						w.client.net.Out.Chunk, w.server.net.Out.Chunk = chunk, chunk
					})
				}
			}
		}
	})
}

// TestFull: windows that are shut most of the time, pipes that hold little,
// a prog that begins to read late.
func TestFull(t *testing.T) {
	each(t, func(t *testing.T, o options) {
		o.size = 100_000
		for _, window := range []int{1 << 20, 4000, 100} {
			for _, size := range []int{1 << 16, 10} {
				for _, late := range []time.Duration{0, 20 * time.Second} {
					if window*size == 1000 {
						o.size = 5_000
					}
					whole(t, o, func(w *world) {
						for _, s := range []*side{w.client, w.server} {
							s.net.Out.Window, s.up.Size, s.down.Size, s.notify.Size, s.late = window, size, size, 1, late
						}
					})
				}
			}
		}
	})
}

// TestNoise: any of it at once, by seed, with calls that fail for no reason and
// wake-ups for nothing.
func TestNoise(t *testing.T) {
	sessions := uint64(200)
	if thorough {
		sessions = 5000
	}
	each(t, func(t *testing.T, o options) {
		for seed := range sessions {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 99))
				pick := func(n ...int) int { return n[r.IntN(len(n))] }
				o.size = pick(0, 1, 100, 5000, 100_000)
				w := newWorld(t, o)
				defer w.close()
				w.noise = r
				what := fmt.Sprint(o)
				for _, s := range []*side{w.client, w.server} {
					l := s.net.Out
					l.Chunk, l.Window = pick(100, 1500, 1<<20), pick(1000, 20_000, 1<<20)
					l.Delay = time.Duration(pick(0, 1, 50, 1000)) * time.Millisecond
					s.up.Size, s.down.Size, s.notify.Size = pick(100, 1<<16), pick(100, 1<<16), pick(1, 1000)
					s.late = time.Duration(pick(0, 0, 3, 30)) * time.Second
					if r.IntN(2) == 0 {
						l.At, l.What = r.IntN(6000+o.size), kinds[r.IntN(len(kinds))]
					}
					what += fmt.Sprintf(", %s: %s at %d", s.name, l.What, l.At)
				}
				if err := w.run(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if err := w.check(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			})
		}
	})
}
