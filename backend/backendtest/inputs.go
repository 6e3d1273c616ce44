package backendtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"ucspitls/backend"
	"ucspitls/backend/backendtest/mutate"
	"ucspitls/backend/backendtest/pki"
)

// inputs is how many mutated inputs a backend gets: UCSPITLS_INPUTS, which CI
// sets to 100,000, or as many as are quick.
func inputs(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("UCSPITLS_INPUTS")); err == nil {
		return n
	}
	if testing.Short() {
		return 1000
	}
	return 3000
}

// inputSeed is where the inputs come from: UCSPITLS_SEED, or always the same.
func inputSeed() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("UCSPITLS_SEED"), 10, 64)
	return n
}

// Inputs lets a stranger send mutated handshakes and records, deterministic
// by seed. Each ends in an *Error that does not blame us, or is harmless;
// cleartext is what the peer has sealed, up to the damage; what is written in
// answer is bounded; and nothing grows.
func Inputs(t *testing.T, b backend.Backend) { inputSuite(t, suite{Backend: b, pki: pki.New(t)}) }

// InputsFork is Inputs for what RunFork is for.
func InputsFork(t *testing.T, b backend.Backend) { inputSuite(t, suite{b, pki.New(t), true}) }

func inputSuite(t *testing.T, s suite) {
	n := inputs(t)
	t.Run("found", s.found)
	t.Run("ClientHello", func(t *testing.T) { s.hellos(t, n*7/10) })
	for _, v := range bothVersions {
		t.Run("server's flight "+versionName(v), func(t *testing.T) { s.flights(t, true, v, n/10) })
		t.Run("client's flight "+versionName(v), func(t *testing.T) { s.flights(t, false, v, n/40) })
		t.Run("records "+versionName(v), func(t *testing.T) { s.records(t, v, n/40) })
	}
}

// A batch counts what comes of inputs and watches that nothing is left.
type batch struct {
	t      *testing.T
	n      int
	seed   uint64
	counts map[backend.Reason]int
}

// maxAnswer is more than any answer to a handshake may be.
const maxAnswer = 64 << 10

// run calls one for each input, and measures memory after the first tenth and
// at the end.
func (b *batch) run(one func(m *mutate.Mutator) error) {
	b.t.Helper()
	told := map[string]bool{}
	b.counts = map[backend.Reason]int{}
	b.seed = inputSeed()
	var before uint64
	goroutines := runtime.NumGoroutine()
	for i := range b.n {
		if i == b.n/10 {
			before = resident(b.t)
		}
		err := one(mutate.New(b.seed, uint64(i)))
		if err == nil {
			b.counts["harmless"]++
			continue
		}
		e, ok := errors.AsType[*backend.Error](err)
		if !ok || e.Reason == "" || e.Reason == backend.InternalError || e.Kind == backend.Config || e.Kind == backend.Setup {
			what := fmt.Sprintf("%v (%v)", err, errors.Unwrap(err))
			if !told[what] { // each once
				b.t.Errorf("input %d of seed %d: %s", i, b.seed, what)
			}
			told[what] = true
			continue
		}
		b.counts[e.Reason]++
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		b.t.Errorf("%d goroutines are left", n-goroutines)
	}
	// A leak of 4 kB an input would show.
	if after := resident(b.t); after > before+uint64(b.n)*4096+32<<20 {
		b.t.Errorf("grew from %d to %d kB over %d inputs", before>>10, after>>10, b.n)
	}
	b.t.Logf("seed %d: %d inputs: %v", b.seed, b.n, b.counts)
}

// instrumented is set in builds whose memory says nothing about us.
var instrumented bool

// resident is what this process has in memory, garbage aside.
func resident(t *testing.T) uint64 {
	if instrumented {
		return 0
	}
	runtime.GC()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0 // no Linux
	}
	pages, err := strconv.ParseUint(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}

// ask lets c have what is in w, to the handshake's end.
func ask(w *Wire, c backend.Conn) error {
	err := c.Handshake()
	if err == nil {
		_, err = c.Read(make([]byte, 100))
	}
	if err == backend.ErrAgain || err == backend.ErrBareEOF || err == io.EOF {
		err = nil
	}
	c.State()
	if len(w.Out) > maxAnswer {
		return errTooMuch
	}
	return err
}

var errTooMuch = errors.New("the answer is too long")

// hellos is a server with a default pair, one that asks for certificates and
// one that goes by names.
func (s suite) hellos(t *testing.T, n int) {
	hellos, servers := s.clientHellos(t), s.servers(t)
	b := &batch{t: t, n: n}
	b.run(func(m *mutate.Mutator) error {
		w := &Wire{In: m.Flight(hellos[m.IntN(len(hellos))])}
		if m.IntN(2) == 0 {
			w.End = io.EOF
		}
		c := servers[m.IntN(len(servers))].NewConn(w)
		defer c.Close()
		return ask(w, c)
	})
	if b.counts[backend.BadHandshake] == 0 || b.counts["harmless"] == 0 {
		t.Errorf("the inputs are all of one kind: %v", b.counts)
	}
}

func (s suite) servers(t *testing.T) (servers []backend.Endpoint) {
	byName := func(name string) (*backend.KeyPair, error) {
		if name == pki.Host || name == "" {
			return s.pki.Server(pki.P256).Pair(), nil
		}
		return nil, nil
	}
	for _, c := range []*backend.ServerConfig{
		{Default: s.pki.Server(pki.P256).Pair()},
		{Default: s.pki.Server(pki.P256).Pair(), Client: backend.CertOptional, Common: backend.Common{Anchors: s.pki.Anchors(), ALPN: []string{"smtp", "h2"}}},
		{Keys: byName, Common: backend.Common{MaxVersion: backend.TLS12}},
		{Keys: byName},
	} {
		e, err := s.NewServer(c)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, e)
	}
	return servers
}

// clientHellos are good ones of several kinds.
func (s suite) clientHellos(t *testing.T) (hellos [][]byte) {
	for _, c := range []*backend.ClientConfig{
		{NoVerifyCert: true, ServerName: pki.Host},
		{NoVerifyCert: true, ServerName: pki.Host, Common: backend.Common{ALPN: []string{"smtp", "h2"}, MaxVersion: backend.TLS12}},
		{NoVerifyCert: true, ServerName: pki.Host, Common: backend.Common{ALPN: []string{"smtp", "h2"}}},
		{NoVerifyCert: true, Common: backend.Common{MinVersion: backend.TLS13}},
	} {
		e, err := s.NewClient(c)
		if err != nil {
			t.Fatal(err)
		}
		w := &Wire{}
		conn := e.NewConn(w)
		conn.Handshake()
		conn.Close()
		hellos = append(hellos, w.Out)
	}
	return hellos
}

// records come after the handshake, to either side: damaged on the way, or
// sealed by a peer that means no good.
func (s suite) records(t *testing.T, v uint16, n int) {
	start := s.duelist(t, v)
	b := &batch{t: t, n: n}
	b.run(func(m *mutate.Mutator) error {
		d := start()
		defer d.close()
		if err := d.connect(); err != nil {
			t.Fatal(err)
		}
		from, to, in, label := d.client, d.server, d.sw, "CLIENT_TRAFFIC_SECRET_0"
		out := d.cw
		if m.IntN(2) == 0 {
			from, to, in, out, label = d.server, d.client, d.cw, d.sw, "SERVER_TRAFFIC_SECRET_0"
		}
		out.Out = nil
		said := []byte("the first record, the second record, and some more of it")
		for i := 0; i < len(said); i += 20 {
			from.Write(said[i:min(i+20, len(said))])
		}
		if m.IntN(4) == 0 {
			from.CloseWrite()
		}
		stream, sealed := out.Out, false
		if secret := secretIn(&d.keyLog, label); v == backend.TLS13 && len(secret) == 32 && m.IntN(2) == 0 {
			// Tickets may have gone before: nobody counts them here, so none are sent.
			c := &crafter{version: v, secret: secret}
			c.rekey()
			stream, sealed = s.sealedNonsense(m, c), true
		} else {
			stream = m.Stream(stream)
		}
		in.In, in.End = append(in.In, stream...), io.EOF
		var got []byte
		buf := make([]byte, 1000)
		for {
			k, err := to.Read(buf)
			got = append(got, buf[:k]...)
			if err == nil {
				continue
			}
			if !sealed && !bytes.HasPrefix(said, got) {
				t.Fatalf("got %q", got)
			}
			if _, err := to.Write([]byte("x")); err == backend.ErrAgain {
				t.Fatal("a write that waits")
			}
			if err == backend.ErrBareEOF || err == io.EOF || err == backend.ErrAgain {
				return nil
			}
			return err
		}
	})
	if b.counts[backend.BadRecord] == 0 {
		t.Errorf("the inputs are all of one kind: %v", b.counts)
	}
}

// sealedNonsense are good records with content that is not.
func (s suite) sealedNonsense(m *mutate.Mutator, c *crafter) (b []byte) {
	good := [][]byte{
		message(keyUpdateMsg, byte(m.IntN(3))),
		message(helloRequest),
		message(finished, make([]byte, 32)...),
		message(newTicket, append([]byte{0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 4, 't', 'i', 'c', 'k'}, 0, 0)...),
		message(13, 0, 0, 12, 0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1), // CertificateRequest
		message(clientHello, make([]byte, 60)...),
	}
	for range 1 + m.IntN(4) {
		typ := []byte{alertRecord, handshakeRecord, handshakeRecord, handshakeRecord, dataRecord, 20, byte(m.Uint32())}[m.IntN(7)]
		content := good[m.IntN(len(good))]
		if m.IntN(3) > 0 {
			content = m.Messages(content, true)
		}
		if typ == alertRecord {
			content = []byte{byte(m.IntN(4)), byte(m.Uint32())}
		}
		if len(content) > 1<<14+200 {
			content = content[:1<<14+m.IntN(200)]
		}
		b = append(b, c.seal(typ, content)...)
		if m.IntN(4) == 0 {
			c.update()
		}
	}
	return b
}

// connect brings a duel to the end of its handshake.
func (d *duel) connect() error {
	for range 10 {
		ce := d.client.Handshake()
		d.sw.In = append(d.sw.In, d.toServer()...)
		se := d.server.Handshake()
		d.cw.In = append(d.cw.In, d.toClient()...)
		switch {
		case ce == nil && se == nil:
			return nil
		case ce != nil && ce != backend.ErrAgain:
			return ce
		case se != nil && se != backend.ErrAgain:
			return se
		}
	}
	return errors.New("no end of the handshake")
}
