package main

import "strings"

// plans is every cell of the programs at hand. Rows are the same for every
// backend, so that backends can be compared. Where a peer has no switch for
// a condition a base scenario is left out, and in a row of the covering array
// the condition stays as usual: what the peer can do is still met in pairs.
func plans(ours []string, theirs []*peer, quick bool) []Cell {
	var cells []Cell
	for _, b := range ours {
		for _, p := range theirs {
			if p.client != nil {
				cells = append(cells, pairCells(b, p.name, p.client, quick)...)
			}
		}
	}
	for _, b := range ours {
		for _, p := range theirs {
			if p.server != nil {
				cells = append(cells, pairCells(p.name, b, p.server, quick)...)
			}
		}
	}
	for _, s := range ours {
		for _, c := range ours {
			cells = append(cells, pairCells(s, c, ourAdapter, quick)...)
		}
	}
	return cells
}

// ourAdapter says what can't be set when both sides are ours.
var ourAdapter = &adapter{cannot: []string{"group", "end", "session"}}

func pairCells(server, client string, a *adapter, quick bool) []Cell {
	var cells []Cell
	seen := map[Cell]bool{}
	at := Cell{Server: server, Client: client}
	add := func(c Cell) {
		key := c
		key.Scenario = ""
		if !seen[key] {
			seen[key] = true
			cells = append(cells, c)
		}
	}
	versions := []string{"1.2", "1.3"}
	for i, s := range base {
		for j, v := range versions {
			if quick && (i > 0 && i%2 != j || isBackend(server) && isBackend(client) && server != client) {
				continue // both versions of the first, then they take turns
			}
			if c := at.in(v, s); a.can(&c) == "" {
				add(c)
			}
		}
	}
	if quick {
		return cells
	}
	for i, s := range faults {
		if s.peerAsks && isBackend(client) {
			continue
		}
		if c := at.in(versions[(i+1)%2], s); a.can(&c) == "" {
			add(c)
		}
	}
	for _, s := range mixes() {
		c := a.usual(at.in("", s))
		if c.Version == "1.2" && (c.curve() != "" && c.Group != c.curve() || c.Cert == "good" && c.Group != "p256") {
			c.Group = "" // under TLS 1.2 the list is for the curves of keys, too
		}
		add(c)
	}
	return cells
}

// usual puts what the adapter can't do back to the usual.
func (a *adapter) usual(c Cell) Cell {
	for word := a.can(&c); word != ""; word = a.can(&c) {
		for _, f := range fields {
			if name, _, _ := strings.Cut(word, "="); name == f.name {
				*f.at(&c) = ""
			}
		}
	}
	return c
}

// in is a scenario between two programs; a row of the covering array brings
// its version.
func (c Cell) in(version string, s scenario) Cell {
	c.Version, c.Scenario = version, s.Name
	return c.set(s.Conditions)
}
