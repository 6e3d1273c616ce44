package tunnel

import (
	"strings"
	"testing"

	"ucspitls/backend"
	lab "ucspitls/test/lab/world"
)

// An endlessNet always has more to read, and takes everything.
type endlessNet struct {
	*lab.Socket
	flood []byte // again and again
	at    int
	taken int // how much was read
}

func (n *endlessNet) Read(p []byte) (int, error) {
	if n.In.Arrived > n.In.Read {
		return n.Socket.Read(p)
	}
	if n.flood == nil {
		return 0, backend.ErrAgain
	}
	for done := 0; done < len(p); {
		m := copy(p[done:], n.flood[n.at:])
		done += m
		n.at = (n.at + m) % len(n.flood)
	}
	n.taken += len(p)
	return len(p), nil
}

// An endlessIn always has one more byte.
type endlessIn struct {
	lab.Output
	flood bool
	reads int
}

func (p *endlessIn) Read(b []byte) (int, error) {
	if !p.flood {
		return p.Output.Read(b)
	}
	p.reads++
	b[0] = 'x'
	return 1, nil
}

// An endlessOut takes everything.
type endlessOut struct{ lab.Input }

func (endlessOut) Write(p []byte) (int, error) { return len(p), nil }

// TestStepIsBounded: a side that always has more gets its turn again and again,
// and no more than a turn; the other direction has its part of each.
func TestStepIsBounded(t *testing.T) {
	full, small, nothing := record('D', make([]byte, 16000)), record('D', []byte("x")), record('K', nil)
	for _, tt := range []struct {
		name    string
		o       options
		actions string // before the flood
		flood   []byte
		prog    bool // it floods too
		reads   bool // it reads all the time
	}{
		{"prog has closed its input, full records", options{}, "hello closeR", full, false, false},
		{"the same, records of one byte", options{}, "hello closeR", small, false, false},
		{"records of nothing", options{}, "hello", nothing, false, true},
		{"prog reads, full records", options{}, "hello", full, false, true},
		{"prog reads, records of one byte", options{}, "hello", small, false, true},
		{"prog does not read", options{}, "hello", small, false, false},
		{"prog reads and writes", options{}, "hello", small, true, true},
		{"prog writes, the peer is silent", options{}, "hello", nil, true, true},
		{"prog writes, its last words are wanted", options{enforce: true}, "hello fin", nil, true, true},
		{"handshake, records of nothing", options{}, "", nothing, false, false},
		{"after the peer's close_notify", options{}, "hello cn", full, false, false},
		{"after a failure", options{}, "hello bad", full, false, false},
		{"after prog's end", options{}, "hello exit", small, false, false},
		{"after both ends", options{}, "hello cn exit", small, false, false},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			o := tt.o
			o.pipe, o.window, o.chunk = 1<<16, 1<<30, 1<<20
			w := newWorld(o)
			network := &endlessNet{Socket: w.net}
			in := &endlessIn{Output: lab.Output{Pipe: w.up}}
			w.t.Net, w.t.In = network, in
			if tt.reads {
				w.t.Out = endlessOut{lab.Input{Pipe: w.down}}
			}
			w.reads = tt.reads
			if strings.Contains(tt.actions, "fin") { // with its burst in one step
				w.run("hello")
				w.do("fin")
			} else if err := w.run(strings.Fields(tt.actions)...); err != nil {
				t.Fatal(err)
			}
			network.flood, in.flood = tt.flood, tt.prog
			records := 0
			tls := w.t.Conn.(*fakeTLS)
			w.t.Conn = countingConn{tls, &records}
			for range 50 {
				took, reads, sent, before := network.taken, in.reads, len(network.Out.Sent), records
				w.ready = NetIn | NetOut | LocalIn | LocalOut
				w.step()
				if w.done {
					break
				}
				if n := records - before; n > maxRecords {
					t.Fatalf("%d records in one step", n)
				}
				if n := network.taken - took; n > (maxPasses+1)*bufferSize {
					t.Fatalf("%d bytes in one step", n)
				}
				if n := in.reads - reads; n > maxRecords {
					t.Fatalf("%d reads of prog's output in one step", n)
				}
				if tt.prog && w.t.inOpen && len(network.Out.Sent) == sent {
					t.Fatal("prog had no turn")
				}
				if network.taken > took && w.deadline != w.now && w.want&NetIn == 0 && w.t.plain.len() < bufferSize {
					t.Fatalf("it does not want its next turn: deadline %v, wants %b", w.deadline, w.want)
				}
				network.Out.Sent, network.Out.Arrived = network.Out.Sent[:0], 0
			}
			if tt.flood != nil && network.taken == 0 {
				t.Error("nothing was read")
			}
		})
	}
}

// countingConn counts records that hold something.
type countingConn struct {
	*fakeTLS
	records *int
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.fakeTLS.Read(p)
	if n > 0 {
		*c.records++
	}
	return n, err
}
