package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"ucspitls/test/need"
)

// An event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// readEvents ends with the stream. A line that is no event is passed on as it is.
func readEvents(from io.Reader, to chan<- event) {
	defer close(to)
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
			e = event{Action: "build-output", Output: line}
		}
		to <- e
		if err != nil {
			return
		}
	}
}

type report struct {
	to      io.Writer
	began   time.Time
	output  map[string]*strings.Builder // of what has not ended, by package and test
	running map[string]bool             // packages
	done    int                         // tests
	missing map[string]int              // reasons
	others  int                         // tests that are skipped for another reason
}

func newReport(to io.Writer) *report {
	return &report{to: to, began: time.Now(), output: map[string]*strings.Builder{}, running: map[string]bool{}, missing: map[string]int{}}
}

var reason = regexp.MustCompile(`(?m)^\s+\S+\.go:\d+: (.*)$`)

func (r *report) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "start":
		r.running[e.Package] = true
	case "build-output":
		io.WriteString(r.to, e.Output)
	case "output":
		if r.output[key] == nil {
			r.output[key] = new(strings.Builder)
		}
		r.output[key].WriteString(e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			r.packageEnds(e)
			return
		}
		r.done++
		text := r.take(key)
		switch e.Action {
		case "fail":
			io.WriteString(r.to, text)
		case "skip":
			r.skipped(text)
		}
	}
}

// take removes what a test wrote.
func (r *report) take(key string) string {
	b := r.output[key]
	delete(r.output, key)
	if b == nil {
		return ""
	}
	return b.String()
}

func (r *report) skipped(text string) {
	all := reason.FindAllStringSubmatch(text, -1)
	for _, m := range all {
		if strings.HasPrefix(m[1], need.Prefix) {
			r.missing[m[1]]++
			return
		}
	}
	r.others++
}

// packageEnds prints a package's own line, and before it what was said by tests
// that have not ended.
func (r *report) packageEnds(e event) {
	delete(r.running, e.Package)
	own := r.take(e.Package + " ")
	for _, key := range slices.Sorted(maps.Keys(r.output)) {
		if strings.HasPrefix(key, e.Package+" ") {
			if text := r.take(key); e.Action == "fail" {
				io.WriteString(r.to, text)
			}
		}
	}
	if e.Action == "fail" {
		io.WriteString(r.to, own)
		return
	}
	lines := strings.SplitAfter(strings.TrimRight(own, "\n"), "\n")
	fmt.Fprintln(r.to, strings.TrimRight(lines[len(lines)-1], "\n")) // ok, or ? for one without tests
}

func (r *report) progress() {
	fmt.Fprintf(r.to, "... %d s, %d tests done, at work: %s\n", int(time.Since(r.began).Seconds()), r.done,
		strings.Join(slices.Sorted(maps.Keys(r.running)), " "))
}

func (r *report) end() {
	for _, why := range slices.Sorted(maps.Keys(r.missing)) {
		fmt.Fprintf(r.to, "skipped: %s (%d tests)\n", why, r.missing[why])
	}
	if r.others > 0 {
		fmt.Fprintf(r.to, "skipped: %d tests that do not apply here; go test -v names them\n", r.others)
	}
}
