package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A Baseline is what came of each cell when it was last accepted: an object
// with one line per cell, sorted, so that a change reads well as a diff.
type Baseline map[string]string

func readBaseline(path string) (Baseline, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return Baseline{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseBaseline(data)
}

func parseBaseline(data []byte) (Baseline, error) {
	b := Baseline{}
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	for id, line := range b {
		if !slices.Contains([]string{"ok", "refused", "unexpected"}, outcomeOf(line)) {
			return nil, fmt.Errorf("baseline: %q has the outcome %q", id, line)
		}
	}
	return b, nil
}

func (b Baseline) encode() []byte {
	ids := make([]string, 0, len(b))
	for id := range b {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var out bytes.Buffer
	out.WriteString("{\n")
	for i, id := range ids {
		comma := ","
		if i == len(ids)-1 {
			comma = ""
		}
		fmt.Fprintf(&out, "%s: %s%s\n", quoted(id), quoted(b[id]), comma)
	}
	out.WriteString("}\n")
	return out.Bytes()
}

// quoted is a JSON string in which > stays readable.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string can be encoded
	return bytes.TrimRight(b.Bytes(), "\n")
}

func outcomeOf(line string) string {
	word, _, _ := strings.Cut(line, " ")
	return word
}

// baselineLine is what of a result is kept: the outcome and our exit codes.
func (r *Result) baselineLine() string {
	line := r.Outcome
	for _, role := range []string{"server", "client"} {
		switch s := r.side(role); {
		case !s.Ours:
		case r.Outcome == "refused" && r.silent(role):
			line += " " + role + "=0/98"
		default:
			line += " " + role + "=" + s.Exit
		}
	}
	return line
}

// A Change is a cell that is not as the baseline has it.
type Change struct {
	ID    string `json:"id"`
	Was   string `json:"was"` // "" for a new cell
	Is    string `json:"is"`
	Worse bool   `json:"worse"`
	Why   string `json:"why,omitempty"`
}

// compare tells what changed. Worse is an outcome that has become unexpected,
// an exit code that has changed, and a new cell that is unexpected without a
// reason.
func (b Baseline) compare(results []*Result) []Change {
	var changes []Change
	for _, r := range results {
		was, is := b[r.ID()], r.baselineLine()
		c := Change{ID: r.ID(), Was: was, Is: is, Why: r.Why}
		switch {
		case was == is:
			continue
		case was == "":
			c.Worse = r.Outcome == "unexpected" && r.Reason == ""
		case outcomeOf(was) == "unexpected" && r.Outcome != "unexpected":
		case outcomeOf(was) == "unexpected" && r.Reason != "": // it fails in another way, and is known to
		default:
			c.Worse = true
		}
		changes = append(changes, c)
	}
	return changes
}

// accept takes the results over. Cells that did not run stay.
func (b Baseline) accept(results []*Result) {
	for _, r := range results {
		b[r.ID()] = r.baselineLine()
	}
}
