//go:build unix

package tunnel

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/fd"
	"ucspitls/test/lab/pattern"
)

// A bench is a tunnel on real descriptors: a TCP connection, three pipes.
// Only the TLS library is the fake one, and the peer speaks its language.
type bench struct {
	t        *testing.T
	peer     *net.TCPConn
	progW    *os.File // prog's output
	progR    *os.File // prog's input
	notify   *os.File
	wrote    []byte
	said     []byte
	mu       sync.Mutex
	taken    []byte // what the peer read
	takenEnd error
	got      []byte // what prog read
	gotEOF   bool
	reading  sync.WaitGroup
	result   chan error
	peerEOF  chan struct{}
	stats    *Stats
}

func newBench(t *testing.T, o options, buffers int, drive driver) *bench {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if buffers > 0 {
		raw, _ := l.SyscallConn()
		raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, buffers) })
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	if buffers > 0 {
		peer.SetWriteBuffer(buffers)
		c.(*net.TCPConn).SetWriteBuffer(buffers)
		c.(*net.TCPConn).SetReadBuffer(buffers)
	}
	f, err := c.(*net.TCPConn).File() // a blocking descriptor, as prog would have it
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	var up, down, note [2]int
	for _, p := range []*[2]int{&up, &down, &note} {
		if err := syscall.Pipe(p[:]); err != nil {
			t.Fatal(err)
		}
	}
	if buffers > 0 { // the one with O_NONBLOCK, the other without
		syscall.SetNonblock(up[0], true)
		syscall.SetNonblock(down[1], true)
	}
	b := &bench{
		t: t, peer: peer, result: make(chan error, 1), peerEOF: make(chan struct{}),
		progW:  os.NewFile(uintptr(up[1]), "progW"),
		progR:  os.NewFile(uintptr(down[0]), "progR"),
		notify: os.NewFile(uintptr(note[0]), "notify"),
	}
	// f is what prog holds of it.
	syscall.SetNonblock(int(f.Fd()), false)
	own, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	fds := FDs{NetIn: own, NetOut: own, LocalIn: up[0], LocalOut: down[1], Notify: note[1]}
	closing := &closer{}
	wire, network := NewWire(), NewNet(fds.NetIn, fds.NetOut, closing.close, nil)
	in, out, notifier := NewStream(fds.LocalIn, closing.close, nil), NewStream(fds.LocalOut, closing.close, nil), NewNotifier(fds.Notify, closing.close, nil)
	tun := New(Config{
		Conn: &fakeTLS{w: wire}, Wire: wire, Net: network,
		In: in, Out: out, Notify: notifier,
		Established: func(backend.State) []byte { return []byte("blob") },
		Pool:        drive.pool, Rules: o.rules(),
	}, drive.clock())
	b.stats = &tun.Stats
	go func() {
		err := drive.run(tun, fds, closing)
		if flags, e := fcntl(int(f.Fd()), syscall.F_GETFL); e == nil && flags&syscall.O_NONBLOCK != 0 {
			err = errors.New("O_NONBLOCK was set on the network")
		}
		f.Close()
		b.result <- err
	}()
	return b
}

// A driver runs a tunnel until it ends.
type driver struct {
	name  string
	pool  *Pool
	clock func() time.Duration
	run   func(t *Tunnel, fds FDs, c *closer) error
}

// A closer is a Closer that is known later than the ends that use it.
type closer struct{ f Closer }

func (c *closer) close(fd int) { c.f(fd) }

var testStart = time.Now()

func testClock() time.Duration { return time.Since(testStart) }

// drivers: an init adds what the system has besides poll.
var drivers = []driver{{"poll", nil, testClock, func(t *Tunnel, fds FDs, c *closer) error {
	c.f = fd.Close
	defer t.Close()
	defer fd.Close(fds.NetIn)
	return Run(t, fds, testClock)
}}}

func fcntl(fd, cmd int) (int, error) {
	n, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), uintptr(cmd), 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// startReading: prog and peer read all that comes, each at its own pace.
func (b *bench) startReading() {
	b.reading.Add(2)
	go func() {
		defer b.reading.Done()
		data, err := io.ReadAll(b.peer)
		b.mu.Lock()
		b.taken, b.takenEnd = data, err
		b.mu.Unlock()
		close(b.peerEOF)
	}()
	go func() {
		defer b.reading.Done()
		data, err := io.ReadAll(b.progR)
		b.mu.Lock()
		b.got, b.gotEOF = data, err == nil
		b.mu.Unlock()
	}()
}

func (b *bench) do(action string) {
	size := 0
	if i := strings.IndexAny(action, "0123456789"); i > 0 {
		size, _ = strconv.Atoi(action[i:])
		action = action[:i]
	}
	send := func(p []byte) { b.peer.Write(p) }
	switch action {
	case "hello":
		send(record('H', nil))
	case "d":
		p := pattern.Slice(len(b.said), size)
		b.said = append(b.said, p...)
		for len(p) > 0 { // in records as a TLS library would make them
			n := min(len(p), 16000)
			send(record('D', p[:n]))
			p = p[n:]
		}
	case "cn":
		send(record('C', nil))
	case "fin":
		b.peer.CloseWrite()
	case "cut":
		send([]byte{'D', 0, 0, 9, 1, 2})
		b.peer.CloseWrite()
	case "alert":
		send(record('A', nil))
	case "bad":
		send(record('X', []byte("junk")))
	case "rst":
		b.peer.SetLinger(0)
		b.peer.Close()
	case "read":
		b.startReading()
	case "w":
		p := pattern.Slice(len(b.wrote), size)
		n, _ := b.progW.Write(p)
		b.wrote = append(b.wrote, p[:n]...)
	case "closeW":
		b.progW.Close()
	case "closeR":
		b.progR.Close()
	case "exit":
		b.progW.Close()
		b.progR.Close()
		b.notify.Close()
	case "eof": // our FIN has reached the peer
		select {
		case <-b.peerEOF:
		case <-time.After(10 * time.Second):
			b.t.Error("no EOF")
		}
	case "pause":
		time.Sleep(time.Duration(size) * time.Millisecond)
	default:
		panic(action)
	}
}

// received decodes what the peer read.
func (b *bench) received() []byte {
	data, _, _ := decode(b.taken)
	return data
}

// TestSockets is the table on real descriptors, with the system's own buffers
// and with tiny ones. "read" is when both sides start to read.
func TestSockets(t *testing.T) {
	t.Parallel()
	ok := func(err error) bool { return err == nil }
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	tls := func(kind backend.Kind) func(error) bool {
		return func(err error) bool {
			var e *backend.Error
			return errors.As(err, &e) && e.Kind == kind
		}
	}
	network := func(err error) bool {
		var e *NetworkError
		return errors.As(err, &e)
	}
	tests := []struct {
		actions string
		o       options
		all     bool // everything arrives on both sides
		code    func(error) bool
	}{
		{"read hello w3 closeW fin", options{}, true, ok},
		{"hello w50000 exit read fin", options{}, true, ok},
		{"hello w50000 exit pause300 read fin", options{closeNotify: true}, true, ok},
		{"hello d5 w50000 exit pause100 read cn fin", options{}, true, ok},
		{"hello d5 d5 w50000 exit d5 pause100 read", options{}, true, ok},
		{"read hello d300000 cn w100000 closeW fin", options{}, true, ok},
		{"read hello d300000 fin w100000 closeW", options{}, true, ok},
		{"read hello d300000 fin", options{enforce: true}, true, is(ErrNoCloseNotify)},
		{"read hello d70000 cut", options{}, true, tls(backend.Truncated)},
		{"read hello d70000 bad", options{}, true, tls(backend.Record)},
		{"read hello d70000 alert fin", options{}, true, tls(backend.Record)},
		{"read hello w5 closeW eof alert fin", options{}, true, ok},
		{"read hello d5 pause50 rst", options{}, false, network},
		{"read hello w5 closeW pause50 rst", options{}, false, network},
		{"read hello closeR d300000 w5 closeW fin", options{}, false, ok},
		{"read bad", options{}, true, tls(backend.Handshake)},
		{"read fin", options{}, true, tls(backend.Handshake)},
		{"read w5 pause50 hello closeW fin", options{}, true, ok},
		{"read", options{handshake: 100 * time.Millisecond}, true, is(ErrHandshakeTimeout)},
		{"read w5 hello d5", options{idle: time.Second}, true, is(ErrIdle)}, // not before d5 at load
	}
	type variant struct {
		driver
		buffers int
	}
	var variants []variant
	for _, d := range drivers {
		variants = append(variants, variant{d, 0}, variant{d, 8000})
	}
	for _, tt := range tests {
		for _, v := range variants {
			t.Run(strings.ReplaceAll(tt.actions, " ", "_")+"/"+v.name+"/"+strconv.Itoa(v.buffers), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, tt.o, v.buffers, v.driver)
				for _, a := range strings.Fields(tt.actions) {
					b.do(a)
				}
				var err error
				select {
				case err = <-b.result:
				case <-time.After(20 * time.Second):
					t.Fatal("never ends")
				}
				if !tt.code(err) {
					t.Errorf("ended with %v", err)
				}
				b.progW.Close()
				done := make(chan bool)
				go func() { b.reading.Wait(); close(done) }()
				select {
				case <-done:
				case <-time.After(5 * time.Second):
					t.Fatal("the peer or prog still reads")
				}
				data := b.received()
				if !bytes.HasPrefix(b.wrote, data) || !bytes.HasPrefix(b.said, b.got) {
					t.Fatal("bytes changed")
				}
				if tt.all && len(data) != len(b.wrote) {
					t.Errorf("the peer got %d of %d bytes (%v)", len(data), len(b.wrote), b.takenEnd)
				}
				if tt.all && !strings.Contains(tt.actions, "exit") && len(b.got) != len(b.said) {
					t.Errorf("prog got %d of %d bytes", len(b.got), len(b.said))
				}
			})
		}
	}
}
