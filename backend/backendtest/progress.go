package backendtest

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/pki"
)

func (s suite) byteByByte(t *testing.T) {
	s.either(t, func(t *testing.T, x *session, _ bool) {
		one := false // one byte, then nothing, in turn
		x.split = func(int) int {
			one = !one
			if one {
				return 1
			}
			return 0
		}
		x.connect()
		x.echo()
	})
}

func (s suite) randomSplits(t *testing.T) {
	s.either(t, func(t *testing.T, x *session, _ bool) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		x.split = func(have int) int { return r.IntN(have + 1) }
		x.connect()
		for range 20 {
			x.echo()
		}
	})
}

// blockedOutput: ErrAgain although there is input, as when too much output waits.
func (s suite) blockedOutput(t *testing.T) {
	s.either(t, func(t *testing.T, x *session, _ bool) {
		x.connect()
		x.peerWrite([]byte("x"))
		x.blocked = true
		for range 3 {
			if n, err := x.conn.Read(make([]byte, 10)); n != 0 || err != backend.ErrAgain {
				t.Fatalf("%d, %v from a blocked wire", n, err)
			}
		}
		x.blocked = false
		x.read(1)
	})
}

// stall: a peer that says nothing more costs nothing and breaks nothing.
func (s suite) stall(t *testing.T) {
	s.either(t, func(t *testing.T, x *session, _ bool) {
		x.blocked = true
		first := x.conn.Handshake() // a client's ClientHello
		before := x.written()
		for range 100 {
			n, readErr := x.conn.Read(make([]byte, 1))
			m, writeErr := x.conn.Write([]byte("x"))
			for _, err := range []error{first, x.conn.Handshake(), readErr, writeErr} {
				if err != backend.ErrAgain || n != 0 || m != 0 {
					t.Fatalf("%v, read %d, wrote %d", err, n, m)
				}
			}
			x.conn.State()
		}
		if x.written() != before {
			t.Errorf("it wrote %d bytes", x.written()-before)
		}
		x.blocked = false
		x.connect()
		x.echo()
	})
}

// closeAnywhere gives up handshakes after each number of bytes and wants
// every goroutine gone and nothing written.
func (s suite) closeAnywhere(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, v := range bothVersions {
		for i := range 50 {
			x := s.serve(t, func(c *backend.ServerConfig) { c.MaxVersion = v }, nil)
			if i%2 == 0 {
				x = s.dial(t, func(c *backend.ClientConfig) { c.MaxVersion = v }, nil)
			}
			x.halfway(i * 30)
		}
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines are left", runtime.NumGoroutine()-before)
		}
	}
}

// halfway lets the backend have n bytes of the peer's, then closes.
func (x *session) halfway(n int) {
	x.t.Helper()
	x.split = func(have int) int {
		have = min(have, n)
		n -= have
		return have
	}
	go func() { x.peerDone <- x.peer.Handshake() }()
	for n > 0 {
		if err := x.conn.Handshake(); err == nil {
			break
		} else if err != backend.ErrAgain {
			x.t.Fatal(err)
		}
		if !x.await() {
			x.t.Fatal("stalled")
		}
	}
	written := x.written()
	x.conn.Close()
	if x.written() != written {
		x.t.Error("Close wrote something")
	}
	x.conn.Close() // again is fine
	if err := x.conn.Handshake(); err == nil {
		x.t.Error("a handshake after Close")
	}
	if n, err := x.conn.Read(make([]byte, 1)); n != 0 || err == nil || err == backend.ErrAgain {
		x.t.Errorf("Read after Close: %d, %v", n, err)
	}
	if n, err := x.conn.Write([]byte("x")); n != 0 || err == nil || err == backend.ErrAgain {
		x.t.Errorf("Write after Close: %d, %v", n, err)
	}
	x.hangUp()
	<-x.peerDone
}

// againstItself: client and server of the backend, in one goroutine.
func (s suite) againstItself(t *testing.T) {
	for _, v := range bothVersions {
		t.Run(versionName(v), func(t *testing.T) {
			p := s.pair(t, func(sc *backend.ServerConfig, cc *backend.ClientConfig) { sc.MaxVersion, cc.MaxVersion = v, v })
			p.connect(t)
			for _, st := range []backend.State{p.client.State(), p.server.State()} {
				if st.Version != v || st.ServerName != pki.Host || st.Cipher == "" || st.Resumed {
					t.Errorf("%+v", st)
				}
			}
			if p.client.State().Peer == nil || p.server.State().Peer != nil {
				t.Error("the server's certificate is verified, the client has none")
			}
		})
	}
}

// sharedEndpoint: an Endpoint is immutable, the race detector is the judge.
func (s suite) sharedEndpoint(t *testing.T) {
	server, err := s.NewServer(&backend.ServerConfig{Default: s.pki.Server(pki.P256).Pair()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.NewClient(&backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{Anchors: s.pki.Anchors()}})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		p := join(t, client, server)
		t.Run("", func(t *testing.T) {
			t.Parallel()
			p.connect(t)
			p.mover(t)()
		})
	}
}

// A pair is two Conns of the backend, back to back.
type pair struct {
	client, server backend.Conn
	c, s           *plainWire
}

func (s suite) pair(t testing.TB, edit func(*backend.ServerConfig, *backend.ClientConfig)) *pair {
	t.Helper()
	sc := &backend.ServerConfig{Default: s.pki.Server(pki.P256).Pair()}
	cc := &backend.ClientConfig{ServerName: pki.Host, Common: backend.Common{Anchors: s.pki.Anchors()}}
	if edit != nil {
		edit(sc, cc)
	}
	server, err := s.NewServer(sc)
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.NewClient(cc)
	if err != nil {
		t.Fatal(err)
	}
	return join(t, client, server)
}

func join(t testing.TB, client, server backend.Endpoint) *pair {
	p := &pair{c: &plainWire{}, s: &plainWire{}}
	p.c.out, p.s.out = &p.s.in, &p.c.in
	p.client, p.server = client.NewConn(p.c), server.NewConn(p.s)
	t.Cleanup(func() { p.client.Close(); p.server.Close() })
	return p
}

func (p *pair) connect(t testing.TB) {
	t.Helper()
	for range 20 {
		ce, se := p.client.Handshake(), p.server.Handshake()
		if ce == nil && se == nil {
			return
		}
		for _, err := range []error{ce, se} {
			if err != nil && err != backend.ErrAgain {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("no end of the handshake")
}

// A plainWire is a Wire without locks; it keeps its buffer.
type plainWire struct {
	in  []byte
	off int
	out *[]byte
}

func (w *plainWire) Read(p []byte) (int, error) {
	if len(w.in) == 0 {
		return 0, backend.ErrAgain
	}
	n := copy(p, w.in[w.off:])
	if w.off += n; w.off == len(w.in) {
		w.in, w.off = w.in[:0], 0
	}
	return n, nil
}

func (w *plainWire) Write(p []byte) (int, error) {
	*w.out = append(*w.out, p...)
	return len(p), nil
}
