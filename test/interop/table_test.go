package main

import (
	"slices"
	"strings"
	"testing"
)

var threeBackends = []string{"our-gotls", "our-openssl", "our-utls"}

// Every two values of every two dimensions meet.
func TestCover(t *testing.T) {
	rows := cover(dimensions)
	for d := range dimensions {
		for e := d + 1; e < len(dimensions); e++ {
			for v := range dimensions[d].values {
				for w := range dimensions[e].values {
					if !slices.ContainsFunc(rows, func(r []int) bool { return r[d] == v && r[e] == w }) {
						t.Errorf("%s=%s never meets %s=%s", dimensions[d].name, dimensions[d].values[v], dimensions[e].name, dimensions[e].values[w])
					}
				}
			}
		}
	}
	if least := len(dimensions[0].values) * len(dimensions[1].values); len(rows) < least || len(rows) > 2*least {
		t.Errorf("%d rows, of which %d are needed", len(rows), least)
	}
	if again := cover(dimensions); !slices.EqualFunc(rows, again, slices.Equal) {
		t.Error("the rows are not the same each time")
	}
}

func TestScenarios(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range slices.Concat(base, faults, mixes()) {
		if seen[s.Name] {
			t.Errorf("two scenarios %s", s.Name)
		}
		seen[s.Name] = true
		c := Cell{Server: "our-gotls", Client: "openssl", Version: "1.2"}.set(s.Conditions) // panics at a wrong name
		if strings.HasPrefix(s.Name, "mix-") && c.Version == "1.3" && c.Floor == "" {
			if side, why := c.refuses(); side != "" {
				t.Errorf("%s: a row of the covering array must come about: %s", s.Name, why)
			}
		}
		if !slices.Contains(certModes, c.Cert) {
			t.Errorf("%s: unknown cert=%s", s.Name, c.Cert)
		}
		if c.Trust != "" && faultsOf[c.Trust] == "" {
			t.Errorf("%s: unknown trust=%s", s.Name, c.Trust)
		}
		if _, ok := keyTypes[c.Key]; !ok {
			t.Errorf("%s: unknown key=%s", s.Name, c.Key)
		}
	}
}

// Every pair has the base in both versions, no cell is there twice, and all
// backends have the same cells.
func TestPlans(t *testing.T) {
	cells := plans(threeBackends, peers, false)
	ids := map[string]bool{}
	perBackend := map[string]int{}
	plain := map[string]int{}
	for _, c := range cells {
		if ids[c.ID()] {
			t.Errorf("two cells %s", c.ID())
		}
		ids[c.ID()] = true
		if side, why := c.refuses(); side != "" && strings.HasPrefix(c.Scenario, "mix-") {
			t.Errorf("%s must come about: %s", c.ID(), why)
		}
		for _, b := range []string{c.Server, c.Client} {
			if isBackend(b) {
				perBackend[b]++
			}
		}
		if c.Scenario == "plain" {
			plain[c.Client+" > "+c.Server]++
		}
	}
	if perBackend["our-gotls"] != perBackend["our-openssl"] || perBackend["our-gotls"] != perBackend["our-utls"] {
		t.Errorf("the backends have different numbers of cells: %v", perBackend)
	}
	pairs := 9
	for _, p := range peers {
		for _, a := range []*adapter{p.server, p.client} {
			if a != nil {
				pairs += 3
			}
		}
	}
	if len(plain) != pairs {
		t.Errorf("%d pairs, want %d", len(plain), pairs)
	}
	for pair, n := range plain {
		if n != 2 {
			t.Errorf("%s: %d plain cells, want both versions", pair, n)
		}
	}
	if quick := len(plans(threeBackends, peers, true)); quick*3 > len(cells) {
		t.Errorf("the quick part has %d of %d cells", quick, len(cells))
	}
}

// What an adapter can't do must be a condition that exists, and what is left
// of a row must be something that it can.
func TestAdapters(t *testing.T) {
	for _, p := range peers {
		for _, a := range []*adapter{p.server, p.client} {
			if a == nil {
				continue
			}
			for _, s := range mixes() {
				c := a.usual(Cell{}.set(s.Conditions))
				if word := a.can(&c); word != "" {
					t.Errorf("%s, %s: still has %s", p.name, s.Name, word)
				}
			}
		}
	}
}

func TestSelector(t *testing.T) {
	cell := Cell{Server: "our-openssl", Client: "gnutls", Version: "1.2", Scenario: "mix-07", Key: "rsa"}
	for text, want := range map[string]bool{
		"":                        true,
		"server=openssl":          true,
		"server=our-openssl":      true,
		"server=ours client=peer": true,
		"server=gotls,openssl":    true,
		"client=openssl":          false,
		"client=ours":             false,
		"scenario=mix-*":          true,
		"scenario=cert-*":         false,
		"key=rsa group=usual":     true,
		"key=usual":               false,
		"server=openssl client=gnutls version=1.2": true,
		"server=openssl client=gnutls version=1.3": false,
	} {
		s, err := parseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.match(&cell) != want {
			t.Errorf("%q matches: %v, want %v", text, !want, want)
		}
	}
	for _, text := range []string{"server", "colour=red", "server="} {
		if _, err := parseSelector(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
