package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A tally counts the outcomes of some cells.
type tally struct{ fine, known, bad int }

func (t *tally) add(r *Result) {
	switch {
	case r.Outcome != "unexpected":
		t.fine++
	case r.Reason != "":
		t.known++
	default:
		t.bad++
	}
}

func (t tally) String() string {
	if t == (tally{}) {
		return "-"
	}
	s := fmt.Sprint(t.fine)
	if t.known > 0 {
		s += fmt.Sprintf(" ~%d", t.known)
	}
	if t.bad > 0 {
		s += fmt.Sprintf(" !%d", t.bad)
	}
	return s
}

// summarize prints the matrix and everything that a person should look at.
func (d *Report) summarize(w io.Writer) {
	var ours []Program
	for _, p := range d.Programs {
		if p.Ours && p.Missing == "" {
			ours = append(ours, p)
		}
	}
	fmt.Fprintf(w, "%-24s", "")
	for _, p := range ours {
		fmt.Fprintf(w, " %-21s", p.Title)
	}
	fmt.Fprintf(w, "\n%-24s", "")
	for range ours {
		fmt.Fprintf(w, " %-10s %-10s", "TLS 1.2", "TLS 1.3")
	}
	fmt.Fprintln(w)
	for _, way := range []string{"server", "client"} {
		for _, p := range d.Programs {
			if p.Missing != "" {
				continue
			}
			d.row(w, p, way, ours)
		}
	}
	fmt.Fprintln(w, "\nThe numbers are cells that went as they should; ~N: N fail for a reason that is known; !N: N fail.")
	for _, p := range d.Programs {
		if p.Missing != "" {
			fmt.Fprintf(w, "not here: %s: %s\n", p.Title, p.Missing)
		}
	}
	d.summarizeFailures(w)
	d.summarizeDifferences(w)
}

// row is a program against each of ours, which are the servers or the clients.
func (d *Report) row(w io.Writer, p Program, way string, ours []Program) {
	line, any := "", false
	for _, o := range ours {
		for _, v := range []string{"1.2", "1.3"} {
			var t tally
			for _, r := range d.Results {
				if r.Version != v || *cellSide(&r.Cell, way) != o.Name || *cellSide(&r.Cell, opposite(way)) != p.Name {
					continue
				}
				t.add(r)
			}
			any = any || t != tally{}
			line += fmt.Sprintf(" %-10s", t)
		}
	}
	if any {
		label := p.Title + " > ours"
		if way == "client" {
			label = "ours > " + p.Title
		}
		fmt.Fprintf(w, "%-24s%s\n", label, strings.TrimRight(line, " "))
	}
}

func opposite(way string) string {
	if way == "server" {
		return "client"
	}
	return "server"
}

func cellSide(c *Cell, way string) *string {
	if way == "server" {
		return &c.Server
	}
	return &c.Client
}

func (d *Report) summarizeFailures(w io.Writer) {
	known := map[string]int{}
	var order []string
	for _, r := range d.Results {
		if r.Unsteady != "" {
			fmt.Fprintf(w, "UNSTEADY %s: went well alone, and before: %s\n", r.ID(), r.Unsteady)
		}
		switch {
		case r.Outcome != "unexpected":
		case r.Reason == "":
			fmt.Fprintf(w, "FAILS %s (%s): %s\n", r.ID(), r.Conditions(), r.Why)
		default:
			if known[r.Reason]++; known[r.Reason] == 1 {
				order = append(order, r.Reason)
			}
		}
	}
	for _, reason := range order {
		fmt.Fprintf(w, "known, %d cells: %s\n", known[reason], reason)
	}
}

func (d *Report) summarizeDifferences(w io.Writer) {
	intended := map[string]int{}
	var order []string
	for _, x := range d.Differences {
		if x.Reason == "" {
			fmt.Fprintf(w, "DIFFERS %s: as %s, %s %s: %s\n", x.Field, x.Role, x.version(), x.against(), x.values())
			continue
		}
		if intended[x.Reason]++; intended[x.Reason] == 1 {
			order = append(order, x.Reason)
		}
	}
	for _, reason := range order {
		fmt.Fprintf(w, "differs, intended, %d times: %s\n", intended[reason], reason)
	}
}

func (x *Difference) version() string { return "TLS " + x.Version + " " + x.Scenario }
func (x *Difference) against() string { return "against " + label(x.Other) }

func (x *Difference) values() string {
	var parts []string
	for b, v := range x.Values {
		if v == "" {
			v = "nothing"
		}
		parts = append(parts, b+": "+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, " | ")
}
