package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// A report is the result of a run, and what build/bench.json holds.
type report struct {
	When    time.Time
	Machine machine
	Options map[string]any
	Systems []*system
	Missing []string // peers that are not installed
	Absent  []string // what this build can't do
	Failed  []string // systems that could not do a case, and why
	Cases   []*caseReport
	Goals   []reached
}

type machine struct {
	CPUs             int
	CPU, Kernel      string
	OS, Architecture string
	Go               string
}

// A caseReport is what came of one case.
type caseReport struct {
	Name, Title string
	Rows        []*row
}

// A row is one metric of one case.
type row struct {
	Metric       string
	MoreIsBetter bool
	Cells        []*cell // as Systems; nil: it can't do the case
}

// A cell is one system in one row.
type cell struct {
	Samples []float64
	Median  float64
	Spread  float64 // half the distance between the quartiles, as a share of the median
	Ratio   float64 `json:",omitempty"` // ours to this one, the median of the rounds' ratios; 0 for ours
}

func newReport(b *bench) *report {
	return &report{
		When: time.Now().UTC().Truncate(time.Second),
		Machine: machine{
			CPUs: runtime.NumCPU(), CPU: cpuModel(), Kernel: kernel(),
			OS: runtime.GOOS, Architecture: runtime.GOARCH, Go: runtime.Version(),
		},
		Options: map[string]any{
			"rounds": b.rounds, "n": b.connections, "parallel": b.parallel, "mib": b.mebibytes, "trips": b.trips,
			"crowd": b.crowd, "rush": b.rush.String(), "idle": b.idle,
		},
		Systems: b.systems,
	}
}

// add makes the rows of a case. The first system is the one that the others
// are compared with.
func (r *report) add(c *benchCase, systems []*system, samples map[string][]sample) {
	made := &caseReport{Name: c.name, Title: c.title}
	for _, m := range c.metrics {
		w := &row{Metric: m.Name, MoreIsBetter: m.more}
		var first []float64
		for i, sys := range systems {
			var figures []float64
			for _, s := range samples[sys.Name] {
				if x, ok := s[m.Name]; ok {
					figures = append(figures, x)
				}
			}
			if len(figures) == 0 {
				w.Cells = append(w.Cells, nil)
				continue
			}
			l := &cell{Samples: figures, Median: median(figures), Spread: spread(figures)}
			if i == 0 {
				first = figures
			} else if pairs := ratios(first, figures); len(pairs) > 0 {
				l.Ratio = median(pairs)
			}
			w.Cells = append(w.Cells, l)
		}
		made.Rows = append(made.Rows, w)
	}
	r.Cases = append(r.Cases, made)
}

// row finds a row by case and metric, nil if there is none.
func (r *report) row(name, metric string) *row {
	for _, c := range r.Cases {
		if c.Name != name {
			continue
		}
		for _, w := range c.Rows {
			if w.Metric == metric {
				return w
			}
		}
	}
	return nil
}

// write prints a table for each case, with figures and ratios, the goals and
// the notes.
func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "%s, %d × %s, %s, rounds: %v\n\n", r.Machine.Kernel, r.Machine.CPUs, r.Machine.CPU, r.Machine.Go, r.Options["rounds"])
	fmt.Fprintln(out, "Medians, with half the distance between the quartiles; then the ratio of "+r.Systems[0].Name+" to each.")
	for _, c := range r.Cases {
		fmt.Fprintf(out, "\n**%s**: %s\n\n", c.Name, c.Title)
		writeTable(out, c.table(r.Systems))
	}
	if len(r.Goals) > 0 {
		fmt.Fprint(out, "\n**Goals**\n\n")
		writeTable(out, goalTable(r.Goals))
	}
	fmt.Fprintln(out)
	for _, s := range r.Systems {
		fmt.Fprintf(out, "- %s: %s", s.Name, s.Version)
		if s.Note != "" {
			fmt.Fprintf(out, " (%s)", s.Note)
		}
		fmt.Fprintln(out)
	}
	for _, list := range []struct {
		word  string
		lines []string
	}{{"missing", r.Missing}, {"not in this build", r.Absent}, {"failed", r.Failed}} {
		for _, line := range list.lines {
			fmt.Fprintf(out, "- %s: %s\n", list.word, line)
		}
	}
}

// table has a line for each system that did the case.
func (c *caseReport) table(systems []*system) [][]string {
	head := []string{""}
	for _, w := range c.Rows {
		head = append(head, w.Metric, "ratio")
	}
	all := [][]string{head}
	for i, s := range systems {
		line, any := []string{s.Name}, false
		for _, w := range c.Rows {
			l := w.Cells[i]
			line = append(line, l.figure(), l.ratio())
			any = any || l != nil
		}
		if any {
			all = append(all, line)
		}
	}
	return all
}

func (l *cell) figure() string {
	switch {
	case l == nil:
		return ""
	case len(l.Samples) == 1:
		return number(l.Median)
	}
	return fmt.Sprintf("%s ±%.0f%%", number(l.Median), 100*l.Spread)
}

func (l *cell) ratio() string {
	if l == nil || l.Ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", l.Ratio)
}

// number shows three digits or so.
func number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, _ := strings.Cut(s.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(text))
}

// lastLine is the last line of text that is not empty.
func lastLine(text []byte) string {
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return all[len(all)-1]
}
