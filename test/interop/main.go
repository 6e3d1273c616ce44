// Command interop runs our programs, built on every backend that this machine
// can build, against each other and against the programs of others, over real
// sockets on the loopback, and reports what came of it. doc/interop.md is
// about how to read and run it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

func main() {
	if text := os.Getenv(appVariable); text != "" {
		perform(text)
	}
	fine, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(100)
	}
	if !fine {
		os.Exit(1)
	}
}

type options struct {
	root, out, only string
	quick, accept   bool
	jobs            int
}

func (o *options) notes() string    { return filepath.Join(o.root, "test", "interop", "differences.txt") }
func (o *options) baseline() string { return filepath.Join(o.root, "test", "interop", "baseline.json") }

func run(args []string) (fine bool, err error) {
	o := options{}
	flags := flag.NewFlagSet("interop", flag.ContinueOnError)
	flags.StringVar(&o.root, "root", ".", "the project's folder")
	flags.StringVar(&o.out, "out", "interop-report", "where the report goes")
	flags.StringVar(&o.only, "only", "", "run a part: NAME=VALUE words, such as server=gotls client=gnutls version=1.2")
	flags.BoolVar(&o.quick, "quick", false, "a part of the base scenarios, for CI")
	flags.BoolVar(&o.accept, "accept", false, "take this run's outcomes as the baseline")
	flags.IntVar(&o.jobs, "jobs", 3, "cells at the same time")
	if err := flags.Parse(args); err != nil {
		return false, errors.New("usage: interop [-only WORDS] [-quick] [-accept] [-out DIR] [-jobs N]")
	}
	only, err := parseSelector(o.only)
	if err != nil {
		return false, err
	}
	if o.jobs < 1 {
		return false, errors.New("-jobs must be 1 or more")
	}
	scratch, err := os.MkdirTemp("", "interop")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(scratch)
	began := time.Now()
	l, programs, cells, err := prepare(&o, scratch, only)
	if err != nil {
		return false, err
	}
	results := runAll(l, cells, o.jobs, progress(len(cells)))
	baseline, err := readBaseline(o.baseline())
	if err != nil {
		return false, err
	}
	again(l, baseline, results)
	doc := &Report{Programs: programs, Results: results, Seconds: int(time.Since(began).Seconds()), Date: began.UTC().Format("2006-01-02 15:04 UTC"),
		Only: o.only, Quick: o.quick, Scenarios: append(append(append([]scenario{}, base...), faults...), mixes()...)}
	return doc.finish(&o, baseline)
}

// prepare builds the backends, looks for the peers, and plans the cells.
func prepare(o *options, scratch string, only selector) (*lab, []Program, []Cell, error) {
	var programs []Program
	bins := map[string]string{}
	var ours []string
	for _, b := range backends {
		dir := filepath.Join(scratch, "bin", b)
		version, err := build(o.root, b, dir)
		p := Program{Name: oursPrefix + b, Title: "our " + b, Ours: true, Version: version}
		if err != nil {
			p.Missing = err.Error()
		} else {
			bins[b] = dir
			ours = append(ours, oursPrefix+b)
		}
		programs = append(programs, p)
	}
	l, err := newLab(scratch, bins)
	if err != nil {
		return nil, nil, nil, err
	}
	var theirs []*peer
	for _, p := range peers {
		version, err := p.find()
		if err == nil && p.prepare != nil {
			err = p.prepare(l)
		}
		prog := Program{Name: p.name, Title: p.title, Version: version}
		if err != nil {
			prog.Missing = err.Error()
		} else {
			theirs = append(theirs, p)
		}
		programs = append(programs, prog)
	}
	var cells []Cell
	for _, c := range plans(ours, theirs, o.quick) {
		if only.match(&c) {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		return nil, nil, nil, errors.New("no cell is left to run" + describeMissing(programs))
	}
	return l, programs, cells, nil
}

func describeMissing(programs []Program) string {
	text := ""
	for _, p := range programs {
		if p.Missing != "" {
			text += "\n  " + p.Title + ": " + p.Missing
		}
	}
	return text
}

// runAll runs the cells, some at the same time, and gives their results in
// the order of the cells.
func runAll(l *lab, cells []Cell, jobs int, done func(*Result)) []*Result {
	results := make([]*Result, len(cells))
	next := make(chan int)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for i := range next {
				results[i] = l.cell(cells[i])
				done(results[i])
			}
		})
	}
	for i := range cells {
		next <- i
	}
	close(next)
	wg.Wait()
	return results
}

// again runs what got worse once more, alone: on a busy machine a time-out of
// a peer may be about the machine. What then goes well is marked as unsteady.
func again(l *lab, b Baseline, results []*Result) {
	worse := map[string]bool{}
	for _, c := range b.compare(results) {
		worse[c.ID] = c.Worse
	}
	for i, r := range results {
		if !worse[r.ID()] {
			continue
		}
		second := l.cell(r.Cell)
		second.Unsteady = r.baselineLine() + ": " + r.Why
		if was := b[r.ID()]; second.baselineLine() == was || was == "" && second.Outcome != "unexpected" {
			results[i] = second
		}
	}
}

// progress prints where the run is, every ten seconds.
func progress(total int) func(*Result) {
	var mu sync.Mutex
	n, last := 0, time.Now()
	return func(*Result) {
		mu.Lock()
		defer mu.Unlock()
		if n++; time.Since(last) > 10*time.Second {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "interop: %d of %d cells\n", n, total)
		}
	}
}
