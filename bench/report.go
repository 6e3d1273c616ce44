package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// A report is the result of a run, and what build/bench.json holds.
type report struct {
	When    time.Time
	Machine machine
	Options map[string]int
	Systems []*system
	Missing []string // peers that are not installed
	Failed  []string // peers that could not do a case, and why
	Rows    []*row
}

type machine struct {
	CPUs             int
	CPU, Kernel      string
	OS, Architecture string
	Go               string
}

// A row is one metric of one case.
type row struct {
	Case, Title, Metric string
	MoreIsBetter        bool
	Cells               []*cell // as Systems; nil: it can't do the case
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
		Options: map[string]int{"rounds": b.rounds, "n": b.connections, "parallel": b.parallel, "mib": b.mebibytes, "trips": b.trips},
		Systems: b.systems,
	}
}

// add makes the rows of a case. The first system is the one that the others
// are compared with.
func (r *report) add(c *benchCase, systems []*system, samples map[string][]sample) {
	for _, m := range c.metrics {
		w := &row{Case: c.name, Title: c.title, Metric: m.Name, MoreIsBetter: m.more}
		var first []float64
		for i, sys := range systems {
			figures := make([]float64, 0, len(samples[sys.Name]))
			for _, s := range samples[sys.Name] {
				figures = append(figures, m.of(s))
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
		r.Rows = append(r.Rows, w)
	}
}

// write prints two tables, of figures and of ratios, and the notes.
func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "%s, %d × %s, %s, rounds: %d\n\n", r.Machine.Kernel, r.Machine.CPUs, r.Machine.CPU, r.Machine.Go, r.Options["rounds"])
	head := []string{"case", "what"}
	for _, s := range r.Systems {
		head = append(head, s.Name)
	}
	figures, compared := [][]string{head}, [][]string{nil}
	for i, h := range head {
		if i < 2 {
			compared[0] = append(compared[0], h)
		} else if i > 2 {
			compared[0] = append(compared[0], "/ "+h)
		}
	}
	for _, w := range r.Rows {
		f, c := []string{w.Case, w.Metric}, []string{w.Case, w.Metric}
		for i, l := range w.Cells {
			f = append(f, l.figure())
			if i > 0 {
				c = append(c, l.ratio())
			}
		}
		figures, compared = append(figures, f), append(compared, c)
	}
	fmt.Fprintln(out, "Medians, with half the distance between the quartiles.")
	writeTable(out, figures)
	fmt.Fprintf(out, "\nRatios of %s to each: CPU and round trips better under 1, conn/s and MiB/s better above.\n", r.Systems[0].Name)
	writeTable(out, compared)
	fmt.Fprintln(out)
	for _, s := range r.Systems {
		fmt.Fprintf(out, "%s: %s", s.Name, s.Version)
		if s.Note != "" {
			fmt.Fprintf(out, " (%s)", s.Note)
		}
		fmt.Fprintln(out)
	}
	for _, line := range r.Missing {
		fmt.Fprintln(out, "missing:", line)
	}
	for _, line := range r.Failed {
		fmt.Fprintln(out, "failed:", line)
	}
}

func (l *cell) figure() string {
	if l == nil {
		return "–"
	}
	return fmt.Sprintf("%s ±%.0f%%", number(l.Median), 100*l.Spread)
}

func (l *cell) ratio() string {
	if l == nil || l.Ratio == 0 {
		return "–"
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

// writeTable prints rows in Markdown with columns of one width, the first
// row as the head, the first two columns to the left.
func writeTable(out io.Writer, rows [][]string) {
	const left = 2
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, text := range r {
			width[i] = max(width[i], utf8.RuneCountInString(text))
		}
	}
	for n, r := range rows {
		for i, text := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(text))
			if i < left {
				text += pad
			} else {
				text = pad + text
			}
			fmt.Fprint(out, "| ", text, " ")
		}
		fmt.Fprintln(out, "|")
		if n > 0 {
			continue
		}
		for i, w := range width {
			line := strings.Repeat("-", w+1)
			if i < left {
				fmt.Fprint(out, "|", line, "-")
			} else {
				fmt.Fprint(out, "|", line, ":")
			}
		}
		fmt.Fprintln(out, "|")
	}
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
