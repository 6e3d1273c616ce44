package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{1234.6: "1235", 99.94: "99.9", 9.876: "9.88", 0: "0.00"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
}

func TestWriteTable(t *testing.T) {
	var out bytes.Buffer
	writeTable(&out, [][]string{{"", "µs", "a"}, {"x", "1", "1 ±2%"}, {"longer", "–", ""}})
	want := `|        | µs |     a |
|--------|---:|------:|
| x      |  1 | 1 ±2% |
| longer |  – |       |
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

// sampleReport is of a machine on which theirs needs twice as long, and
// another variant of ours only appears in a case of its own.
func sampleReport() *report {
	systems := []*system{
		{Name: "chain/a", ours: true}, {Name: "no sandbox", ours: true, only: costCase}, {Name: "socat", Note: "a note"}, {Name: "stunnel4"}, {Name: "idle"},
		{Name: "shared/a", ours: true}, {Name: noTLS},
	}
	b := &bench{options: quick, systems: systems}
	r := newReport(b)
	r.add(&benchCase{name: costCase, title: "a <title>", metrics: perConnection}, systems, map[string][]sample{
		"chain/a":    {{connCPU: 100, connRate: 30}, {connCPU: 300, connRate: 30}},
		"no sandbox": {{connCPU: 50, connRate: 30}, {connCPU: 200, connRate: 30}},
		"socat":      {{connCPU: 200, connRate: 10}, {connCPU: 600}},
	})
	r.add(&benchCase{name: "ping-tls1.3", metrics: perTrip}, systems, map[string][]sample{
		"chain/a": {{tripTime: 12}}, "socat": {{tripTime: 20}}, "stunnel4": {{tripTime: 10}},
	})
	r.add(&benchCase{name: "full-rsa-tls1.3", metrics: perConnection}, systems, map[string][]sample{"shared/a": {{connCPU: 500}}})
	r.add(&benchCase{name: "resumed-rsa-tls1.3", metrics: perConnection}, systems, map[string][]sample{"shared/a": {{connCPU: 200}}})
	r.add(&benchCase{name: "declined", metrics: perConnection}, systems, map[string][]sample{noTLS: {{connCPU: 100}}})
	r.Missing = []string{"hitch (Debian package hitch)"}
	r.judge()
	return r
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	r := sampleReport()
	r.write(&out)
	for _, want := range []string{
		"| chain/a    |    200 ±25% |       | 30.0 ±0% |       |\n",
		"| socat      |    400 ±25% |  0.50 |     10.0 |  3.00 |\n",
		"- socat:  (a note)\n",
		"- missing: hitch (Debian package hitch)\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "| idle") {
		t.Errorf("a system that did nothing has lines:\n%s", &out)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// TestGoals: a goal is judged if, and only if, the run can tell about it.
func TestGoals(t *testing.T) {
	got := map[string]reached{}
	for _, g := range sampleReport().Goals {
		got[g.What] = g
	}
	for what, want := range map[string]struct {
		measured float64
		met      bool
	}{
		"CPU per P-256 connection, chain against socat":     {0.5, true},
		"CPU per P-256 connection, sandbox on against off":  {1.75, false},
		"64-byte round trip against the best of the others": {1.2, false},
		"RSA-2048, CPU, resumed against full, shared":       {0.4, true},
		"the same, less what prog alone costs":              {0.25, true},
	} {
		if g := got[what]; g.Measured != want.measured || g.Met != want.met {
			t.Errorf("%s: %+v, want %+v", what, g, want)
		}
		delete(got, what)
	}
	for what := range got {
		t.Errorf("judged without figures: %s", what)
	}
	names := map[string]bool{}
	for _, c := range quick.allCases() {
		for _, m := range c.metrics {
			names[c.name+m.Name] = true
		}
	}
	for _, p := range panels {
		if !names[p.name+p.metric] {
			t.Errorf("the chart shows %s of %s, which no case gives", p.metric, p.name)
		}
	}
}

// TestChart: it is XML, and has a bar for each system of each panel.
func TestChart(t *testing.T) {
	text := sampleReport().draw()
	bars := 0
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	// The background; two, without the variant; one; one; three.
	if bars != 1+2+1+1+3 {
		t.Errorf("%d bars in\n%s", bars, text)
	}
}
