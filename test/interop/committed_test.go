package main

import (
	"os"
	"strings"
	"testing"
)

// The committed baseline: readable, one line per cell, sorted as it would be
// written, and every cell is one that is planned.
func TestBaselineFile(t *testing.T) {
	data, err := os.ReadFile("baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	b, err := parseBaseline(data)
	if err != nil {
		t.Fatal(err)
	}
	if string(b.encode()) != string(data) {
		t.Error("baseline.json is not as -accept writes it")
	}
	planned := map[string]*Cell{}
	for _, c := range plans(threeBackends, peers, false) {
		planned[c.ID()] = &c
	}
	notes, err := readNotes("differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	for id, line := range b {
		c := planned[id]
		if c == nil {
			t.Errorf("%s is not a cell any more: take its line out", id)
			continue
		}
		side, _ := c.refuses()
		switch outcome := outcomeOf(line); {
		case outcome == "unexpected" && explain(notes, "fails", "", c) == "":
			t.Errorf("%s: is accepted as a failure, and differences.txt does not say why", id)
		case outcome == "ok" && side != "", outcome == "refused" && side == "":
			t.Errorf("%s: %s can't be", id, line)
		}
	}
}

func TestNotesFile(t *testing.T) {
	notes, err := readNotes("differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		if len(n.Reason) < 20 {
			t.Errorf("line %d: %q convinces nobody", n.Line, n.Reason)
		}
	}
}

func TestParseNote(t *testing.T) {
	for text, fault := range map[string]string{
		"fails client=socat : it can't":           "",
		"differs alert server=ours : the library": "",
		"differs alert server=ours":               "reason",
		"differs alert server=ours : ":            "reason",
		"differs colour server=ours : x":          "none of",
		"excuses server=ours : x":                 "begins with",
		"fails server=ours colour=red : x":        "is not NAME=VALUE",
		"fails  : x":                              "where",
	} {
		_, err := parseNote(text)
		switch {
		case fault == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case fault != "" && (err == nil || !strings.Contains(err.Error(), fault)):
			t.Errorf("%q: %v, want %q", text, err, fault)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add("fails client=socat version=1.2 : it can't")
	f.Add("differs alert server=ours : the library")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNote(text)
		if err == nil && (n.Reason == "" || len(n.Where) == 0) {
			t.Errorf("%q was taken as %+v", text, n)
		}
	})
}

func FuzzParseBaseline(f *testing.F) {
	f.Add([]byte("{\n\"a > b 1.2 plain\": \"ok server=0\"\n}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBaseline(data)
		if err != nil {
			return
		}
		again, err := parseBaseline(b.encode())
		if err != nil || len(again) != len(b) {
			t.Errorf("%q comes back as %q: %v", data, b.encode(), err)
		}
	})
}

// What counts as worse than the baseline.
func TestCompare(t *testing.T) {
	result := func(outcome, exit, reason string) *Result {
		return &Result{Cell: Cell{Server: "our-gotls", Client: "curl", Version: "1.2", Scenario: "plain"}, Outcome: outcome, Reason: reason,
			Server: Side{Ours: true, Exit: exit}}
	}
	for _, tt := range []struct {
		was            string
		is             *Result
		changed, worse bool
	}{
		{"ok server=0", result("ok", "0", ""), false, false},
		{"ok server=0", result("unexpected", "98", ""), true, true},
		{"ok server=0", result("unexpected", "98", "known"), true, true},
		{"ok server=0", result("ok", "98", ""), true, true},
		{"refused server=98", result("unexpected", "0", ""), true, true},
		{"unexpected server=98", result("ok", "0", ""), true, false},
		{"unexpected server=98", result("unexpected", "0", ""), true, true},
		{"unexpected server=98", result("unexpected", "0", "known"), true, false},
		{"", result("ok", "0", ""), true, false},
		{"", result("unexpected", "0", ""), true, true},
		{"", result("unexpected", "0", "known"), true, false},
	} {
		b := Baseline{}
		if tt.was != "" {
			b[tt.is.ID()] = tt.was
		}
		changes := b.compare([]*Result{tt.is})
		if (len(changes) > 0) != tt.changed || tt.changed && changes[0].Worse != tt.worse {
			t.Errorf("%q to %q: %+v", tt.was, tt.is.baselineLine(), changes)
		}
	}
}
