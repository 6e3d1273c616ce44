package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Report is a run, as it stands in report.json and in the page.
type Report struct {
	Date        string       `json:"date"`
	Seconds     int          `json:"seconds"`
	Only        string       `json:"only,omitempty"`
	Quick       bool         `json:"quick,omitempty"`
	Programs    []Program    `json:"programs"`
	Scenarios   []scenario   `json:"scenarios"`
	Results     []*Result    `json:"results"`
	Differences []Difference `json:"differences"`
	Changes     []Change     `json:"changes"`
}

// mostOutput is how much of a program's output the report keeps.
const mostOutput = 3000

// finish judges a run against what is committed, writes the report and
// prints the summary. fine is false when something got worse.
func (d *Report) finish(o *options, baseline Baseline) (fine bool, err error) {
	notes, err := readNotes(o.notes())
	if err != nil {
		return false, err
	}
	d.judge(notes, baseline)
	if err := d.write(o.out); err != nil {
		return false, err
	}
	d.summarize(os.Stdout)
	if o.only == "" && !o.quick {
		for _, n := range notes {
			if !n.used {
				fmt.Printf("not needed: differences.txt:%d: %s %s\n", n.Line, n.Kind, n.Text)
			}
		}
	}
	fine = d.verdict(os.Stdout)
	if o.accept {
		baseline.accept(d.Results)
		fmt.Println("the baseline is what this run had")
		return true, os.WriteFile(o.baseline(), baseline.encode(), 0o644)
	}
	return fine, nil
}

// judge adds what the notes and the baseline say.
func (d *Report) judge(notes []*Note, baseline Baseline) {
	for _, r := range d.Results {
		if r.Outcome == "unexpected" {
			r.Reason = explain(notes, "fails", "", &r.Cell)
		}
		for _, s := range []*Side{&r.Server, &r.Client} {
			s.Output = abbreviate(s.Output, mostOutput)
		}
	}
	d.Differences = differences(d.Results, notes)
	d.Changes = baseline.compare(d.Results)
}

// verdict says whether the run is as good as the baseline, and the backends
// alike where they should be.
func (d *Report) verdict(w *os.File) bool {
	worse, better, differs := 0, 0, 0
	for _, c := range d.Changes {
		if !c.Worse {
			better++
			continue
		}
		worse++
		was := c.Was
		if was == "" {
			was = "new"
		}
		fmt.Fprintf(w, "WORSE %s: was %s, is %s: %s\n", c.ID, was, c.Is, c.Why)
	}
	for _, x := range d.Differences {
		if x.Reason == "" {
			differs++
		}
	}
	n := map[string]int{}
	for _, r := range d.Results {
		n[r.Outcome]++
	}
	fmt.Fprintf(w, "%d cells in %d s: %d ok, %d refused as expected, %d unexpected; %d worse than the baseline, %d other changes; %d differences without a reason\n",
		len(d.Results), d.Seconds, n["ok"], n["refused"], n["unexpected"], worse, better, differs)
	if worse > 0 {
		fmt.Fprintln(w, "If the change is meant: make interop ACCEPT=1, and commit test/interop/baseline.json. A failure of a peer goes into test/interop/differences.txt with its reason.")
	}
	if differs > 0 {
		fmt.Fprintln(w, "If a difference is meant, test/interop/differences.txt says why: differs FIELD WHERE : REASON.")
	}
	return worse == 0 && differs == 0
}

// write makes report.json and index.html.
func (d *Report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	page, err := d.page()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.html"), page, 0o644)
}

// page.html is a whole page, but for the data.
//
//go:embed page.html
var pageTemplate string

// dataMark is where the page wants the report: JSON, gzip, base64.
const dataMark = "@REPORT@"

func (d *Report) page() ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(data)
	if err := z.Close(); err != nil {
		return nil, err
	}
	if strings.Count(pageTemplate, dataMark) != 1 {
		return nil, fmt.Errorf("page.html has no single %s", dataMark)
	}
	return []byte(strings.Replace(pageTemplate, dataMark, base64.StdEncoding.EncodeToString(packed.Bytes()), 1)), nil
}
