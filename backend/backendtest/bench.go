package backendtest

import (
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

const chunk = 64 << 10

// maxAllocs is for one chunk written by one Conn and read by another.
const maxAllocs = 64

func (s suite) allocations(t *testing.T) {
	p := s.pair(t, nil)
	p.connect(t)
	move := p.mover(t)
	if n := testing.AllocsPerRun(50, move); n > maxAllocs {
		t.Errorf("%.0f allocations for 64 KiB", n)
	} else {
		t.Logf("%.0f allocations for 64 KiB", n)
	}
}

// mover moves one chunk from the client to the server.
func (p *pair) mover(t testing.TB) func() {
	out, in := make([]byte, chunk), make([]byte, chunk)
	return func() {
		if _, err := p.client.Write(out); err != nil {
			t.Fatal(err)
		}
		for have := 0; have < chunk; {
			n, err := p.server.Read(in)
			if err != nil {
				t.Fatalf("after %d bytes: %v", have, err)
			}
			have += n
		}
	}
}

// Bench measures b: 64 KiB written and read, and a whole handshake.
func Bench(t *testing.B, b backend.Backend) {
	s := suite{Backend: b, pki: pki.New(t)}
	t.Run("64KiB", func(t *testing.B) {
		p := s.pair(t, nil)
		p.connect(t)
		move := p.mover(t)
		t.SetBytes(chunk)
		t.ReportAllocs()
		for t.Loop() {
			move()
		}
	})
	t.Run("Handshake", func(t *testing.B) {
		t.ReportAllocs()
		for t.Loop() {
			p := s.pair(t, nil)
			p.connect(t)
			p.client.Close()
			p.server.Close()
		}
	})
}
