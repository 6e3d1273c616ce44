package main

import (
	"crypto/tls"
	"errors"
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
	*benchCase
	address  string
	id       *identity
	system   *system
	serving  *serving
	sessions tls.ClientSessionCache // nil: none are kept
	resuming bool                   // a session that is not resumed is an error
}

// newSessions makes what keeps tickets.
func newSessions() tls.ClientSessionCache { return tls.NewLRUClientSessionCache(1) }

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

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
		ServerName:         host,
		RootCAs:            t.id.roots,
		MinVersion:         t.version,
		MaxVersion:         t.version,
		CurvePreferences:   []tls.CurveID{tls.CurveP256}, // the only one that all of them have
		CipherSuites:       []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		ClientSessionCache: t.sessions,
	})
	if err := conn.Handshake(); err != nil {
		return conn, err
	}
	s := conn.ConnectionState()
	if name := tls.CipherSuiteName(s.CipherSuite); !strings.Contains(name, "AES_128_GCM") {
		return conn, fmt.Errorf("the server chose %s, which would compare apples and oranges", name)
	}
	if t.resuming && !s.DidResume {
		return conn, errors.New("the session was not resumed")
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

// together calls f n times, as many at once as wanted, and stops at an error.
func together(n, atOnce int, f func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, min(n, atOnce))
	var all sync.WaitGroup
	for worker := range errs {
		all.Go(func() {
			for errs[worker] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[worker] = f(i)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// visits makes whole connections, several at a time, in each of which prog
// says "ok" and ends.
func visits(b *bench, t *target) (*work, error) {
	begin := time.Now()
	err := together(b.connections, b.parallel, func(int) error { return t.visit() })
	return &work{
		figures: sample{connRate: float64(b.connections) / time.Since(begin).Seconds()},
		cpu:     connCPU, units: float64(b.connections), unit: time.Microsecond,
	}, err
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
