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
	"strings"
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

// measure is the whole of a run: options, peers, cases, tables.
func measure(args []string) error {
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "samples of each program in each case")
	flags.IntVar(&o.connections, "n", 80, "connections in a sample")
	flags.IntVar(&o.parallel, "parallel", 4, "connections at the same time")
	flags.IntVar(&o.mebibytes, "mib", 256, "MiB in a sample of bulk transfer")
	flags.IntVar(&o.trips, "trips", 3000, "round trips of a connection, four of which are a sample of ping-pong")
	flags.StringVar(&o.only, "only", "", "comma list of words: only the cases whose name has one of them")
	ours := flags.String("ours", "build/gotls", "comma list of folders with our programs; ratios are of the first")
	out := flags.String("json", "build/bench.json", "where to write the results, empty for nowhere")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if min(o.rounds, o.connections, o.parallel, o.mebibytes, o.trips) < 1 {
		return errors.New("-rounds, -n, -parallel, -mib and -trips must be 1 or more")
	}

	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	systems, missing, err := findSystems(dir, strings.Split(*ours, ","))
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
	r.write(os.Stdout)
	if *out == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(*out, append(text, '\n'), 0o644)
}
