package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A target is a listener and how to talk to it.
type target struct {
	address string
	*benchCase
	id *identity
}

// work is what the load generator did to a target.
type work struct {
	connections int
	bytes       int64       // of bulk transfer
	trips       [][]float64 // of ping-pong: microseconds, for each connection
	took        time.Duration
}

// sample joins what was done with the CPU that the measured side spent on it.
func (w *work) sample(cpu time.Duration) (s sample) {
	const gib = 1 << 30
	us := microseconds(cpu)
	switch {
	case w.bytes > 0:
		s.MiBps = float64(w.bytes) / (1 << 20) / w.took.Seconds()
		s.CPUPerGiB = cpu.Seconds() * gib / float64(w.bytes)
	case len(w.trips) > 0:
		count := 0
		for _, trips := range w.trips {
			s.Trip += median(trips) / float64(len(w.trips))
			count += len(trips)
		}
		s.CPUTrip = us / float64(count)
	default:
		s.PerSecond = float64(w.connections) / w.took.Seconds()
		s.CPUPer = us / float64(w.connections)
	}
	return s
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// connect gives a connection in the state in which prog's payload begins.
func (t *target) connect() (net.Conn, error) {
	c, err := net.DialTimeout("tcp4", t.address, patience)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(3 * patience))
	if t.role == delayed {
		err = expect(c, "go\n")
	}
	if err == nil && t.role != declined {
		c, err = t.secure(c)
	}
	if err == nil && t.role == delayed {
		_, err = io.WriteString(c, "hi\n")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// secure shakes hands with the same algorithms whoever the server is, and
// makes sure that it did not choose others.
func (t *target) secure(c net.Conn) (net.Conn, error) {
	conn := tls.Client(c, &tls.Config{
		ServerName:       host,
		RootCAs:          t.id.roots,
		MinVersion:       t.version,
		MaxVersion:       t.version,
		CurvePreferences: []tls.CurveID{tls.CurveP256}, // the only one that all of them have
		CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	})
	if err := conn.Handshake(); err != nil {
		return conn, err
	}
	s := conn.ConnectionState()
	if name := tls.CipherSuiteName(s.CipherSuite); !strings.Contains(name, "AES_128_GCM") {
		return conn, fmt.Errorf("the server chose %s, which would compare apples and oranges", name)
	}
	return conn, nil
}

// expect reads exactly text.
func expect(c net.Conn, text string) error {
	got := make([]byte, len(text))
	if n, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("waiting for %q, got %q: %w", text, got[:n], err)
	}
	if string(got) != text {
		return fmt.Errorf("waiting for %q, got %q", text, got)
	}
	return nil
}

// expectEnd waits until the server is done. How a session ends is not compared
// here: programs differ in whether they say close_notify.
func expectEnd(c net.Conn) error {
	if n, _ := io.Copy(io.Discard, c); n > 0 {
		return fmt.Errorf("%d bytes more than prog wrote", n)
	}
	return nil
}

// visits makes whole connections, several at a time, in each of which prog
// says "ok" and ends.
func visits(b *bench, t *target) (*work, error) {
	var next atomic.Int64
	errs := make([]error, b.parallel)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range errs {
		all.Go(func() {
			for errs[i] == nil && next.Add(1) <= int64(b.connections) {
				errs[i] = t.visit()
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return &work{connections: b.connections, took: took}, nil
}

func (t *target) visit() error {
	c, err := t.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := expect(c, "ok\n"); err != nil {
		return err
	}
	return expectEnd(c)
}

// download takes what prog sends.
func download(b *bench, t *target) (*work, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	begin := time.Now()
	n, err := io.CopyBuffer(io.Discard, io.LimitReader(c, b.bulk()), make([]byte, 64<<10))
	took := time.Since(begin)
	if err == nil && n < b.bulk() {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = expectEnd(c)
	}
	return &work{bytes: n, took: took}, err
}

// upload sends what prog reads, until prog says that it has it all.
func upload(b *bench, t *target) (*work, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	block := make([]byte, 64<<10)
	begin := time.Now()
	for left := b.bulk(); left > 0; left -= int64(len(block)) {
		if _, err := c.Write(block); err != nil {
			return nil, err
		}
	}
	err = expect(c, "ok\n")
	return &work{bytes: b.bulk(), took: time.Since(begin)}, err
}

// courts is how many connections are a sample of ping-pong: one that has its
// processes on one processor is much faster than one that has not.
const courts = 4

// pingPong sends 64 bytes to an echo and waits for them, again and again.
func pingPong(b *bench, t *target) (*work, error) {
	w := &work{}
	for range courts {
		trips, err := t.play(b.trips)
		if err != nil {
			return nil, err
		}
		w.trips = append(w.trips, trips)
	}
	return w, nil
}

// play gives the microseconds that each round trip took.
func (t *target) play(n int) ([]float64, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ball := strings.Repeat("-", 63) + "\n"
	trips := make([]float64, n)
	for i := range trips {
		begin := time.Now()
		if _, err := io.WriteString(c, ball); err != nil {
			return nil, err
		}
		if err := expect(c, ball); err != nil {
			return nil, err
		}
		trips[i] = microseconds(time.Since(begin))
	}
	return trips, nil
}
