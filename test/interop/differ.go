package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Difference is a scenario in which the backends are not alike, as one
// side, against the same other program.
type Difference struct {
	Role     string            `json:"role"`  // ours: server or client
	Other    string            `json:"other"` // the program on the other side
	Version  string            `json:"version"`
	Scenario string            `json:"scenario"`
	Field    string            `json:"field"`
	Values   map[string]string `json:"values"` // backend: what it showed
	Reason   string            `json:"reason,omitempty"`
}

// differences compares the backends' sides of all results.
func differences(results []*Result, notes []*Note) []Difference {
	type key struct{ role, other, version, scenario string }
	sides := map[key]map[string]*Result{}
	var order []key
	for _, r := range results {
		for _, role := range []string{"server", "client"} {
			s, other := r.side(role), r.Cell.Client
			if role == "client" {
				other = r.Cell.Server
			}
			if !s.Ours {
				continue
			}
			k := key{role, other, r.Version, r.Scenario}
			if sides[k] == nil {
				sides[k] = map[string]*Result{}
				order = append(order, k)
			}
			sides[k][bare(s.Name)] = r
		}
	}
	var all []Difference
	for _, k := range order {
		for _, field := range compared {
			values := map[string]string{}
			var some *Result
			for b, r := range sides[k] {
				values[b] = r.show(k.role, field)
				some = r
			}
			if alike(values) {
				continue
			}
			d := Difference{Role: k.role, Other: k.other, Version: k.version, Scenario: k.scenario, Field: field, Values: values}
			c := some.Cell
			*map[string]*string{"server": &c.Server, "client": &c.Client}[k.role] = oursPrefix + "*" // any of them
			d.Reason = explain(notes, "differs", field, &c)
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b Difference) int {
		return cmp.Compare(slices.Index(compared, a.Field), slices.Index(compared, b.Field))
	})
	return all
}

func alike(values map[string]string) bool {
	first, some := "", false
	for _, v := range values {
		if some && v != first {
			return false
		}
		first, some = v, true
	}
	return true
}

// libraryWords are what a line has of the library; alertWords is the alert,
// which is compared by itself.
var (
	libraryWords = regexp.MustCompile(` \[(?:gotls|openssl|utls): .*\]$`)
	alertWords   = regexp.MustCompile(`(sent|got) alert [a-z_]+`)
)

// show is a field of one of our sides, for comparison.
func (r *Result) show(role, field string) string {
	s := r.side(role)
	if r.silent(role) && r.Outcome == "refused" && (field == "exit" || field == "line") {
		return "left without an alert"
	}
	switch field {
	case "exit":
		return s.Exit
	case "line":
		var lines []string
		for _, line := range s.Lines {
			lines = append(lines, alertWords.ReplaceAllString(libraryWords.ReplaceAllString(line, ""), "$1 alert X"))
		}
		return strings.Join(lines, "; ")
	case "blob":
		return strings.Join(s.Blob, " ")
	case "bytes":
		if r.Outcome != "ok" { // whether prog wrote before it was over is chance
			return fmt.Sprintf("in %d %s", s.In.N, s.In.Hash)
		}
		return fmt.Sprintf("in %d %s, out %d %s", s.In.N, s.In.Hash, s.Out.N, s.Out.Hash)
	case "alert":
		return s.Alert
	case "group":
		return r.Wire.Group
	case "end":
		if r.Outcome != "ok" { // the alert is compared, and who is faster is chance
			return ""
		}
		return r.endOf(s)
	}
	panic("interop: no field " + field)
}
