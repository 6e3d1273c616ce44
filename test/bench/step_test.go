package main

import (
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/gotls"
	"ucspitls/internal/tunnel"
)

const block = 64 << 10

// memory is one direction of bytes. It keeps its array.
type memory struct {
	b    []byte
	head int
}

func (m *memory) Read(p []byte) (int, error) {
	if m.head == len(m.b) {
		return 0, backend.ErrAgain
	}
	n := copy(p, m.b[m.head:])
	if m.head += n; m.head == len(m.b) {
		m.b, m.head = m.b[:0], 0
	}
	return n, nil
}

func (m *memory) Write(p []byte) (int, error) {
	m.b = append(m.b, p...)
	return len(p), nil
}

func (m *memory) Close() {}

// A cable joins the tunnel's network to a client's wire.
type cable struct{ toServer, toClient memory }

func (c *cable) Read(p []byte) (int, error)  { return c.toServer.Read(p) }
func (c *cable) Write(p []byte) (int, error) { return c.toClient.Write(p) }
func (c *cable) CloseWrite() error           { return nil }
func (c *cable) Unacked() (int, error)       { return 0, nil }

// A plug is the client's end of a cable.
type plug struct{ *cable }

func (c plug) Read(p []byte) (int, error)  { return c.toClient.Read(p) }
func (c plug) Write(p []byte) (int, error) { return c.toServer.Write(p) }

// A rig is a tunnel in memory, with its handshake done.
type rig struct {
	*cable
	fromProg, toProg memory
	tunnel           *tunnel.Tunnel
	client           backend.Conn
	buf              [block]byte
}

// endpoints make rigs of one key.
type endpoints struct{ server, client backend.Endpoint }

func newEndpoints(t testing.TB) *endpoints {
	id, err := newIdentity(t.TempDir(), "p256")
	if err != nil {
		t.Fatal(err)
	}
	server, err := gotls.Backend.NewServer(&backend.ServerConfig{Default: id.Pair()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := gotls.Backend.NewClient(&backend.ClientConfig{NoVerifyCert: true})
	if err != nil {
		t.Fatal(err)
	}
	return &endpoints{server, client}
}

func newRig(t testing.TB) *rig {
	r := newEndpoints(t).connect(t)
	t.Cleanup(func() {
		r.client.Close()
		r.tunnel.Conn.Close()
	})
	return r
}

// connect makes a rig, which is the caller's to close.
func (e *endpoints) connect(t testing.TB) *rig {
	r := &rig{cable: &cable{}}
	wire := tunnel.NewWire()
	established := false
	r.client = e.client.NewConn(plug{r.cable})
	r.tunnel = tunnel.New(tunnel.Config{
		Conn: e.server.NewConn(wire), Wire: wire,
		Net: r.cable, In: &r.fromProg, Out: &r.toProg,
		Established: func(backend.State) []byte { established = true; return nil },
	}, 0)
	for range 10 {
		err := r.client.Handshake()
		if err != nil && err != backend.ErrAgain {
			t.Fatal(err)
		}
		r.step(t)
		if err == nil && established {
			return r
		}
	}
	t.Fatal("no handshake")
	return nil
}

// step lets the tunnel do what it can, however many calls it wants for it.
func (r *rig) step(t testing.TB) {
	for {
		_, deadline, done, err := r.tunnel.Step(0, tunnel.NetIn|tunnel.NetOut|tunnel.LocalIn|tunnel.LocalOut)
		if done || err != nil {
			t.Fatal("the tunnel ended: ", err)
		}
		if deadline != 0 { // 0 is now: it has more to do
			return
		}
	}
}

// send moves a block from prog to the network. The client decrypts it only if
// it is wanted, so that a benchmark is of one side alone.
func (r *rig) send(t testing.TB, data []byte, read bool) []byte {
	r.fromProg.Write(data)
	r.step(t)
	if !read {
		if len(r.toClient.b) <= len(data) {
			t.Fatalf("%d bytes on the network for %d of prog", len(r.toClient.b), len(data))
		}
		r.toClient.b, r.toClient.head = r.toClient.b[:0], 0
		return nil
	}
	got := make([]byte, 0, len(data))
	for len(got) < len(data) {
		n, err := r.client.Read(r.buf[:])
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", len(got), len(data), err)
		}
		got = append(got, r.buf[:n]...)
	}
	return got
}

// receive moves a block from the client to prog.
func (r *rig) receive(t testing.TB, data []byte) []byte {
	if _, err := r.client.Write(data); err != nil {
		t.Fatal(err)
	}
	r.step(t)
	if got := len(r.toProg.b); got != len(data) {
		t.Fatalf("prog got %d of %d bytes", got, len(data))
	}
	got := r.toProg.b
	r.toProg.b, r.toProg.head = r.toProg.b[:0], 0
	return got
}

// TestRig keeps the benchmarks honest: what they move arrives.
func TestRig(t *testing.T) {
	r := newRig(t)
	data := make([]byte, block)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for range 3 {
		if got := r.send(t, data, true); string(got) != string(data) {
			t.Fatal("the client got something else than prog wrote")
		}
		if got := r.receive(t, data); string(got) != string(data) {
			t.Fatal("prog got something else than the client wrote")
		}
	}
	if s := r.tunnel.Stats; s.FromProg != 3*block || s.ToProg != 3*block {
		t.Errorf("counted %+v", s)
	}
}

// maxAllocs guards the hot path: allocations for a block through a tunnel.
const maxAllocs = 16

func TestStepAllocations(t *testing.T) {
	r := newRig(t)
	data := make([]byte, block)
	for name, move := range map[string]func(){
		"prog to network": func() { r.send(t, data, false) },
		"client to prog":  func() { r.receive(t, data) },
	} {
		if n := testing.AllocsPerRun(50, move); n > maxAllocs {
			t.Errorf("%s: %.0f allocations for 64 KiB, want %d at most", name, n, maxAllocs)
		} else {
			t.Logf("%s: %.0f allocations for 64 KiB", name, n)
		}
	}
}

// BenchmarkStepUp is 64 KiB from prog to the network: the tunnel alone.
func BenchmarkStepUp(b *testing.B) {
	r := newRig(b)
	data := make([]byte, block)
	b.SetBytes(block)
	b.ReportAllocs()
	for b.Loop() {
		r.send(b, data, false)
	}
}

// BenchmarkStepDown is 64 KiB from the network to prog. The client that
// encrypts them is in it: records can't be made ahead of their numbers.
func BenchmarkStepDown(b *testing.B) {
	r := newRig(b)
	data := make([]byte, block)
	b.SetBytes(block)
	b.ReportAllocs()
	for b.Loop() {
		r.receive(b, data)
	}
}

// BenchmarkStepPingPong is 64 bytes to prog and back, both sides in it.
func BenchmarkStepPingPong(b *testing.B) {
	r := newRig(b)
	ball := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		r.receive(b, ball)
		r.send(b, ball, true)
	}
}
