// Run runs go test for make: it passes on what failed, shows how far the
// tests are, and says in the end what was skipped and how to have it.
//
//	run go test FLAGS PACKAGES
//
// Its exit code is go test's.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: run go test FLAGS PACKAGES")
		os.Exit(100)
	}
	os.Exit(run(os.Args[1:], os.Stdout, 20*time.Second))
}

// run starts go test with -json and reports what it says.
func run(words []string, to io.Writer, pause time.Duration) int {
	cmd := exec.Command(words[0], slices.Insert(slices.Clone(words[1:]), 1, "-json")...)
	cmd.Stderr = to
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(to, "run:", err)
		return 111
	}
	r := newReport(to)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	events := make(chan event)
	go readEvents(out, events)
	for open := true; open; {
		var e event
		select {
		case e, open = <-events:
			if open {
				r.add(e)
			}
		case <-ticker.C:
			r.progress()
		}
	}
	err = cmd.Wait()
	r.end()
	if cmd.ProcessState == nil {
		fmt.Fprintln(to, "run:", err)
		return 111
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	fmt.Fprintln(to, "run: go test:", err)
	return 1
}
