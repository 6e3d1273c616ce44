package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A benchCase is one thing to measure of every system that can do it.
type benchCase struct {
	name    string
	title   string
	role    role
	key     string // of keyTypes
	version uint16
	prog    func(b *bench, sys *system) []string
	load    func(*bench, *target) (*work, error)
	metrics []metric
}

// A metric is a figure of a sample, with its unit.
type metric struct {
	Name string
	of   func(sample) float64
	more bool // more is better
}

var (
	perConnection = []metric{
		{"CPU/conn µs", func(s sample) float64 { return s.CPUPer }, false},
		{"conn/s", func(s sample) float64 { return s.PerSecond }, true},
	}
	perGiB = []metric{
		{"CPU s/GiB", func(s sample) float64 { return s.CPUPerGiB }, false},
		{"MiB/s", func(s sample) float64 { return s.MiBps }, true},
	}
	perTrip = []metric{
		{"round trip µs", func(s sample) float64 { return s.Trip }, false},
		{"CPU/trip µs", func(s sample) float64 { return s.CPUTrip }, false},
	}
)

var cases = []*benchCase{
	{"full-p256-tls1.3", "whole connection, TLS 1.3, P-256", immediate, "p256", tls.VersionTLS13, sayOK, visits, perConnection},
	{"full-p256-tls1.2", "whole connection, TLS 1.2, P-256", immediate, "p256", tls.VersionTLS12, sayOK, visits, perConnection},
	{"full-rsa-tls1.3", "whole connection, TLS 1.3, RSA-2048", immediate, "rsa", tls.VersionTLS13, sayOK, visits, perConnection},
	{"full-rsa-tls1.2", "whole connection, TLS 1.2, RSA-2048", immediate, "rsa", tls.VersionTLS12, sayOK, visits, perConnection},
	{"delayed-p256-tls1.3", "cleartext, then TLS 1.3, P-256", delayed, "p256", tls.VersionTLS13, ask, visits, perConnection},
	{"delayed-p256-tls1.2", "cleartext, then TLS 1.2, P-256", delayed, "p256", tls.VersionTLS12, ask, visits, perConnection},
	{"declined", "TLS offered, not asked for", declined, "p256", 0, sayOK, visits, perConnection},
	{"down-tls1.3", "prog sends, TLS 1.3, AES-128-GCM", immediate, "p256", tls.VersionTLS13, pour, download, perGiB},
	{"down-tls1.2", "prog sends, TLS 1.2, AES-128-GCM", immediate, "p256", tls.VersionTLS12, pour, download, perGiB},
	{"up-tls1.3", "prog receives, TLS 1.3, AES-128-GCM", immediate, "p256", tls.VersionTLS13, drink, upload, perGiB},
	{"up-tls1.2", "prog receives, TLS 1.2, AES-128-GCM", immediate, "p256", tls.VersionTLS12, drink, upload, perGiB},
	{"ping-tls1.3", "64 bytes there and back, TLS 1.3", immediate, "p256", tls.VersionTLS13, echo, pingPong, perTrip},
	{"ping-tls1.2", "64 bytes there and back, TLS 1.2", immediate, "p256", tls.VersionTLS12, echo, pingPong, perTrip},
}

// The progs. Two peers split command lines at spaces, so that whatever needs
// more is a script.

func sayOK(*bench, *system) []string { return []string{"/bin/echo", "ok"} }
func echo(*bench, *system) []string  { return []string{"/bin/cat"} }

func ask(b *bench, sys *system) []string {
	return []string{b.script("ask-"+sys.Name, sys.asks)}
}

func pour(b *bench, _ *system) []string {
	return []string{"/bin/dd", "if=/dev/zero", "bs=65536", fmt.Sprintf("count=%d", b.bulk()>>16), "status=none"}
}

func drink(b *bench, _ *system) []string {
	return []string{b.script("drink", fmt.Sprintf("dd of=/dev/null bs=65536 count=%d iflag=fullblock status=none\necho ok\n", b.bulk()>>16))}
}

// orphan is a prog that starts prog and ends at once, so that prog becomes
// the listener's child and is counted.
func (b *bench) orphan(prog []string) []string {
	return []string{b.script("orphan-"+filepath.Base(prog[0]), "exec 3<&0\n"+strings.Join(prog, " ")+" <&3 3<&- &\n")}
}

// script writes a shell script, whose path has no space; a failure shows when
// it can't be run.
func (b *bench) script(name, text string) string {
	path := filepath.Join(b.dir, strings.NewReplacer("/", "-", " ", "-").Replace(name))
	os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755)
	return path
}

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
	c := &benchCase{
		name: "count", role: immediate, version: tls.VersionTLS12,
		prog: func(*bench, *system) []string { return prog },
		load: func(_ *bench, t *target) (*work, error) {
			return &work{connections: 1, took: 1}, t.visit()
		},
	}
	if !b.can(c, sys) {
		c.role = declined
	}
	s, err := b.take(c, sys, id)
	if err != nil {
		return err
	}
	if spent := time.Duration(s.CPUPer) * time.Microsecond; spent < burnTime {
		return fmt.Errorf("%s: prog needed %v of CPU and only %v were found", sys.Name, burnTime, spent)
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
