package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A Report is a run, as it stands in report.json and in the page.
type Report struct {
	Date      string     `json:"date"`
	Seconds   int        `json:"seconds"`
	Only      string     `json:"only,omitempty"`
	Quick     bool       `json:"quick,omitempty"`
	Programs  []Program  `json:"programs"`
	Scenarios []scenario `json:"scenarios"`
	Results   []*Result  `json:"results"`
}

func (d *Report) finish(o *options) (bool, error) {
	n := map[string]int{}
	for _, r := range d.Results {
		n[r.Outcome]++
		if r.Outcome == "unexpected" {
			fmt.Println(r.ID(), "|", r.Conditions(), "|", r.Why)
		}
	}
	fmt.Println(n, len(d.Results), d.Seconds)
	os.MkdirAll(o.out, 0o755)
	b, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(filepath.Join(o.out, "report.json"), b, 0o644)
}
