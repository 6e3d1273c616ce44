package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// A sample is what one system did in one case, once: figures by the names of
// the case's metrics. One that it could not give is not there.
type sample map[string]float64

// work is what the load generator did to a target, and what the CPU that the
// measured side spent meanwhile is divided by.
type work struct {
	figures sample
	cpu     string  // metric; empty: CPU is no figure of the case
	units   float64 // connections, GiB or round trips
	unit    time.Duration
}

// sample joins what was done with the CPU that it took.
func (w *work) sample(cpu time.Duration) sample {
	s := w.figures
	if s == nil {
		s = sample{}
	}
	if w.cpu != "" {
		s[w.cpu] = float64(cpu) / float64(w.unit) / w.units
	}
	return s
}

// take runs one sample. Of a system that forgets its children it takes two:
// wall time as it is, CPU with prog orphaned.
func (b *bench) take(c *benchCase, sys *system, id *identity) (sample, error) {
	prog := c.prog(b, sys)
	s, metric, err := b.takeWith(c, sys, id, prog)
	if err != nil || !sys.forgets || metric == "" {
		return s, err
	}
	counted, _, err := b.takeWith(c, sys, id, b.orphan(prog))
	if err == nil {
		s[metric] = counted[metric]
	}
	return s, err
}

// takeWith also tells which metric is CPU.
func (b *bench) takeWith(c *benchCase, sys *system, id *identity, prog []string) (sample, string, error) {
	fail := func(err error) (sample, string, error) {
		return nil, "", fmt.Errorf("%s, %s: %w", c.name, sys.Name, err)
	}
	dir, err := os.MkdirTemp(b.dir, "sample")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	var at [2]*net.TCPListener
	for i := range at {
		if at[i], err = listenLow(); err != nil {
			return fail(err)
		}
		defer at[i].Close()
	}
	svc, err := sys.serve(&site{
		role: c.role, id: id, prog: prog, dir: dir, resume: c.resume,
		address: at[0].Addr().String(), backend: at[1].Addr().String(),
	})
	if err != nil {
		return fail(err)
	}
	svc.AllFiles = c.many
	s, err := launch(dir, svc, at[0], at[1])
	if err != nil {
		return fail(err)
	}
	t := &target{benchCase: c, address: s.address, id: id, system: sys, serving: s}
	did, err := b.load(t)
	got, stopErr := s.stop()
	if err == nil {
		err = stopErr
	}
	if err != nil {
		return fail(fmt.Errorf("%w%s", err, s.lastWords()))
	}
	return did.sample(got.CPU), did.cpu, nil
}

// load makes the case's load, after a first connection that is not counted if
// the case wants one.
func (b *bench) load(t *target) (*work, error) {
	if t.resume {
		t.sessions = newSessions()
		if err := t.visit(); err != nil {
			return nil, err
		}
		t.resuming = true
	}
	if err := t.serving.tell(orderCount); err != nil {
		return nil, err
	}
	return t.benchCase.load(b, t)
}

// listenLow listens below the ports that the system gives to clients: a daemon
// that takes a port over must not find that a connection has got it meanwhile.
func listenLow() (*net.TCPListener, error) {
	const from, to, tries = 10000, 32000, 100
	for try := 1; ; try++ {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", from+rand.IntN(to-from)))
		if err == nil {
			return l.(*net.TCPListener), nil
		}
		if try == tries {
			return nil, err
		}
	}
}
