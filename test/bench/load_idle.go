package main

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"ucspitls/test/lab/proc"
)

// An idle tunnel has carried one ball there and back, and waits. Its memory
// is what all processes of the service but prog have more than without any
// tunnel; the kernel's own is not in it.

// idleMetric names the memory of a tunnel among n.
func idleMetric(n int) string { return fmt.Sprintf("kB/tunnel at %d", n) }

// levels are the numbers of tunnels that a system is asked to hold. Some are
// for all, the last is as many as make sense, and as fit into its open files.
func (b *bench) levels(s *system) []int {
	most := min(s.most, b.idle[len(b.idle)-1])
	if s.files > 0 {
		most = min(most, (openFiles()-spareFiles)/s.files)
	}
	var all []int
	for _, n := range b.idle[:len(b.idle)-1] {
		if n < most {
			all = append(all, n)
		}
	}
	return append(all, most)
}

const spareFiles = 200

// idle opens more and more tunnels and looks at the memory that they take,
// and at what they do to the round trip of one that is at work.
func idle(b *bench, t *target) (*work, error) {
	prog := filepath.Base(t.prog(b, t.system)[0])
	self := t.serving.cmd.Process.Pid
	memory := func() (float64, error) { return memoryOf(self, prog) }
	figures := sample{}
	// The first tunnel brings what is needed once.
	rest := len(proc.Below(self))
	alone, err := t.busy(b)
	settle(self, rest)
	if err != nil {
		return nil, err
	}
	empty, err := memory()
	if err != nil {
		return nil, err
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for _, level := range b.levels(t.system) {
		more, err := t.openMany(level-len(open), b.parallel)
		open = append(open, more...)
		if err != nil {
			return nil, fmt.Errorf("with %d tunnels open: %w", len(open), err)
		}
		full, err := memory()
		if err != nil {
			return nil, err
		}
		each := (full - empty) / float64(level)
		figures[idleMetric(level)] = each
		figures[idleAtMost], figures[idleMost] = each, float64(level)
		processes := len(proc.Below(self))
		beside, err := t.busy(b)
		settle(self, processes)
		if err != nil {
			return nil, err
		}
		figures[idleTrip] = beside / alone
	}
	return &work{figures: figures}, nil
}

// busy is the round trip of tunnels that are at work, one after the other.
func (t *target) busy(b *bench) (float64, error) {
	if t.role == declined {
		return 1, nil
	}
	w, err := pingPong(b, t)
	if err != nil {
		return 0, err
	}
	return w.figures[tripTime], nil
}

// openMany opens n connections, each of them used once.
func (t *target) openMany(n, atOnce int) (open []net.Conn, err error) {
	var mu sync.Mutex
	err = together(n, atOnce, func(int) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		mu.Lock()
		open = append(open, c)
		mu.Unlock()
		return throw(c)
	})
	return open, err
}
