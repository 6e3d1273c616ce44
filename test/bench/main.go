// Command bench measures the programs against others that do the same job, in
// one run on one machine, and prints them side by side. Only the ratios mean
// something elsewhere; doc/bench.md says how each number is got.
//
//	bench (load generator: crypto/tls, not counted)
//	  │ 127.0.0.1
//	  ▼
//	bench serve (listener, subreaper, not counted)
//	  └─ the measured processes, all of them its descendants
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(100)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is one of the three things that this program can be.
func run(args []string) error {
	switch {
	case len(args) > 0 && args[0] == serveMode:
		return serve(args[1:])
	case len(args) > 0 && args[0] == burnMode:
		return burn()
	}
	return measure(args)
}

// quick is a run that only shows that every case works.
var quick = options{rounds: 1, connections: 4, parallel: 2, mebibytes: 4, trips: 50, crowd: 20, rush: 200 * time.Millisecond, idle: []int{5, 10}}

// measure is the whole of a run: options, systems, cases, tables, files.
func measure(args []string) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "samples of each program in each case")
	flags.IntVar(&o.connections, "n", 80, "connections in a sample")
	flags.IntVar(&o.parallel, "parallel", 4, "connections at the same time")
	flags.IntVar(&o.mebibytes, "mib", 256, "MiB in a sample of bulk transfer")
	flags.IntVar(&o.trips, "trips", 3000, "round trips of a connection, four of which are a sample of ping-pong")
	flags.IntVar(&o.crowd, "crowd", 500, "clients at once at overload")
	flags.DurationVar(&o.rush, "rush", 4*time.Second, "how long new clients come at overload")
	o.idle = []int{100, 1000, 10000}
	flags.Func("idle", "comma list: idle tunnels, the last number for daemons only (default 100,1000,10000)", o.setIdle)
	flags.StringVar(&o.only, "only", "", "comma list of words: only the cases whose name has one of them")
	extra := slices.Clone(variants)
	flags.Func("with", "'NAME=VALUE ...': measure the first build once more with this in its environment; may be repeated", func(s string) error {
		env := strings.Fields(s)
		if len(env) == 0 || slices.ContainsFunc(env, func(v string) bool { return !strings.Contains(v, "=") }) {
			return errors.New("NAME=VALUE is needed")
		}
		extra = append(extra, variant{name: s, env: env})
		return nil
	})
	ours := flags.String("ours", "build/gotls", "comma list of folders with our programs; ratios are of the first")
	others := flags.String("peers", "all", "comma list of other programs to measure, or none")
	out := flags.String("json", "build/bench.json", "where to write the results, empty for nowhere")
	chart := flags.String("svg", "build/bench.svg", "where to draw them, empty for nowhere")
	brief := flags.Bool("quick", false, "least of everything: no figures, but every case is tried")
	strict := flags.Bool("strict", false, "a program that is missing or fails is an error")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *brief {
		only := o.only
		o = quick
		o.only = only
	}
	if min(o.rounds, o.connections, o.parallel, o.mebibytes, o.trips, o.crowd) < 1 {
		return errors.New("-rounds, -n, -parallel, -mib, -trips and -crowd must be 1 or more")
	}

	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	systems, missing, err := findSystems(strings.Split(*ours, ","), strings.Split(*others, ","), extra)
	if err != nil {
		return err
	}
	for _, line := range missing {
		fmt.Println("missing:", line)
	}
	b := &bench{options: o, dir: dir, systems: systems, progress: os.Stderr}
	r, err := b.run()
	if err != nil {
		return err
	}
	r.Missing = missing
	if !*brief {
		r.judge()
	}
	r.write(os.Stdout)
	if err := r.save(*out, *chart); err != nil {
		return err
	}
	if bad := len(r.Missing) + len(r.Failed); *strict && bad > 0 {
		return fmt.Errorf("%d missing or failed", bad)
	}
	return nil
}

// save writes the results and the chart.
func (r *report) save(out, chart string) error {
	if out != "" {
		text, err := json.MarshalIndent(r, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if chart != "" {
		return os.WriteFile(chart, r.draw(), 0o644)
	}
	return nil
}

// setIdle reads -idle.
func (o *options) setIdle(list string) error {
	o.idle = nil
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || len(o.idle) > 0 && n <= o.idle[len(o.idle)-1] {
			return errors.New("rising numbers above 0 are needed")
		}
		o.idle = append(o.idle, n)
	}
	return nil
}
