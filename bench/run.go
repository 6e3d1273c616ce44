package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

type options struct {
	rounds, connections, parallel, mebibytes, trips int
	only                                            string
}

func (o *options) bulk() int64 { return int64(o.mebibytes) << 20 }

// wants tells whether a case was chosen.
func (o *options) wants(name string) bool {
	if o.only == "" {
		return true
	}
	for word := range strings.SplitSeq(o.only, ",") {
		if word != "" && strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// A bench is one run.
type bench struct {
	options
	dir      string
	systems  []*system
	progress io.Writer
}

// checkCount leaves out the peers whose processes are not all counted.
func (b *bench) checkCount(r *report) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	id, err := newIdentity(b.dir, "p256")
	if err != nil {
		return err
	}
	good := b.systems[:0:0]
	for i, sys := range b.systems {
		err := b.counts(sys, id, []string{self, burnMode})
		switch {
		case err == nil:
			good = append(good, sys)
		case i == 0:
			return err
		default:
			r.Failed = append(r.Failed, err.Error())
		}
	}
	b.systems, r.Systems = good, good
	return nil
}

// counts tells whether a prog's CPU time is found under a system.
func (b *bench) counts(sys *system, id *identity, prog []string) error {
	for _, r := range []role{immediate, declined} {
		c := &benchCase{
			name: "count", role: r, version: tls.VersionTLS12,
			prog: func(*bench, *system) []string { return prog },
			load: func(_ *bench, t *target) (*work, error) { return &work{connections: 1, took: 1}, t.visit() },
		}
		if !b.can(c, sys) {
			continue
		}
		s, err := b.take(c, sys, id)
		if err != nil {
			return err
		}
		if found := time.Duration(s.CPUPer) * time.Microsecond; found < burnTime {
			return fmt.Errorf("%s: prog needed %v of CPU and only %v were found", sys.Name, burnTime, found)
		}
	}
	return nil
}

// run takes all samples: for each case, round after round, one of each
// system, so that what disturbs the machine for a while disturbs all alike.
func (b *bench) run() (*report, error) {
	r := newReport(b)
	if err := b.checkCount(r); err != nil {
		return nil, err
	}
	identities := map[string]*identity{}
	for _, c := range cases {
		if !b.wants(c.name) {
			continue
		}
		if identities[c.key] == nil {
			id, err := newIdentity(b.dir, c.key)
			if err != nil {
				return nil, err
			}
			identities[c.key] = id
		}
		fmt.Fprintf(b.progress, "%s ...\n", c.name)
		samples, err := b.sampleCase(c, identities[c.key], r)
		if err != nil {
			return nil, err
		}
		r.add(c, b.systems, samples)
	}
	if len(r.Rows) == 0 {
		return nil, fmt.Errorf("no case is called anything like %q", b.only)
	}
	return r, nil
}

// sampleCase gives the samples of each system that can do the case. A peer
// that fails is left out with a note; ours must work.
func (b *bench) sampleCase(c *benchCase, id *identity, r *report) (map[string][]sample, error) {
	samples := map[string][]sample{}
	failed := map[string]bool{}
	for range b.rounds {
		for i, sys := range b.systems {
			if failed[sys.Name] || !b.can(c, sys) {
				continue
			}
			s, err := b.take(c, sys, id)
			if err != nil {
				if i == 0 {
					return nil, err
				}
				failed[sys.Name] = true
				delete(samples, sys.Name)
				r.Failed = append(r.Failed, err.Error())
				continue
			}
			samples[sys.Name] = append(samples[sys.Name], s)
		}
	}
	return samples, nil
}

// can tells whether a system can do a case.
func (b *bench) can(c *benchCase, sys *system) bool {
	return sys.does(c.role) && (c.role != delayed || sys.asks != "") && (c.version != tls.VersionTLS13 || sys.tls13)
}
