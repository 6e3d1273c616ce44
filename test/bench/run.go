package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

type options struct {
	rounds, connections, parallel, mebibytes, trips int
	crowd                                           int           // clients at once in a rush
	rush                                            time.Duration // how long more of them come
	idle                                            []int         // tunnels that wait, ascending
	only                                            string
}

func (o *options) bulk() int64 { return int64(o.mebibytes) << 20 }

// wants reports whether a case was chosen.
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

// checkCount leaves out the systems whose processes are not all counted.
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
		case sys.optional:
			r.Absent = append(r.Absent, err.Error())
		default:
			r.Failed = append(r.Failed, err.Error())
		}
	}
	b.systems, r.Systems = good, good
	return nil
}

// counts reports whether a prog's CPU time is found under a system.
func (b *bench) counts(sys *system, id *identity, prog []string) error {
	for _, r := range []role{immediate, declined} {
		c := &benchCase{
			name: "count", role: r, version: tls12,
			prog: func(*bench, *system) []string { return prog },
			load: func(_ *bench, t *target) (*work, error) {
				return &work{cpu: connCPU, units: 1, unit: time.Microsecond}, t.visit()
			},
		}
		if !sys.plays(c) {
			continue
		}
		s, err := b.take(c, sys, id)
		if err != nil {
			return err
		}
		if found := time.Duration(s[connCPU]) * time.Microsecond; found < burnTime {
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
	for _, c := range b.allCases() {
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
	if len(r.Cases) == 0 {
		return nil, fmt.Errorf("no case is called anything like %q", b.only)
	}
	return r, nil
}

// sampleCase gives the samples of each system that can do the case. One that
// fails is left out with a note; the first must work.
func (b *bench) sampleCase(c *benchCase, id *identity, r *report) (map[string][]sample, error) {
	samples := map[string][]sample{}
	failed := map[string]bool{}
	rounds := b.rounds
	if c.once {
		rounds = 1
	}
	for range rounds {
		for i, sys := range b.systems {
			if failed[sys.Name] || !sys.can(c) {
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
