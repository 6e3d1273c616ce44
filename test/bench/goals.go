package main

import "strings"

// A goal is a figure of a run that is to be at most a limit. Goals inform:
// a machine on which one is missed has no broken programs.
type goal struct {
	what  string
	limit float64
	unit  string // empty: a ratio
	of    func(*report) (float64, bool)
}

// reached is what came of a goal.
type reached struct {
	What     string
	Limit    float64
	Unit     string
	Measured float64
	Met      bool
}

var goals = []goal{
	{"CPU per P-256 connection, chain against socat", 0.60, "", against("full-p256-tls1.3", connCPU, "chain", "socat")},
	{"CPU per P-256 connection, chain against tlswrapper", 0.80, "", against("full-p256-tls1.2", connCPU, "chain", "tlswrapper")},
	{"CPU per P-256 connection, shared against stunnel4 as a daemon", 0.75, "", against("full-p256-tls1.3", connCPU, "shared", "stunnel4 daemon")},
	{"CPU per GiB down against socat", 0.75, "", against("down-tls1.3", bulkCPU, "chain", "socat")},
	{"CPU per GiB down against stunnel4", 0.75, "", against("down-tls1.3", bulkCPU, "chain", "stunnel4")},
	{"CPU per GiB up against socat", 0.75, "", against("up-tls1.3", bulkCPU, "chain", "socat")},
	{"CPU per GiB up against stunnel4", 0.75, "", against("up-tls1.3", bulkCPU, "chain", "stunnel4")},
	{"64-byte round trip against the best of the others", 1, "", againstBest("ping-tls1.3", tripTime)},
	{"RSA-2048, CPU, resumed against full, chain", 0.65, "", cheaper("resumed-rsa-tls1.3", "full-rsa-tls1.3", "chain")},
	{"RSA-2048, CPU, resumed against full, shared", 0.40, "", cheaper("resumed-rsa-tls1.3", "full-rsa-tls1.3", "shared")},
	{"the same, less what prog alone costs", 0.40, "", cheaperBesideProg("resumed-rsa-tls1.3", "full-rsa-tls1.3", "shared")},
	{"memory per idle tunnel, chain", 900, "kB", figure("idle", idleAtMost, "chain")},
	{"memory per idle tunnel, shared", 40, "kB", figure("idle", idleAtMost, "shared")},
	{"round trip beside the most idle tunnels, shared", 1.1, "", figure("idle", idleTrip, "shared")},
	{"CPU per P-256 connection, sandbox on against off", 1.10, "", against(costCase, connCPU, "chain", "no sandbox")},
}

// judge looks at the goals that a run can tell about.
func (r *report) judge() {
	for _, g := range goals {
		if x, ok := g.of(r); ok {
			r.Goals = append(r.Goals, reached{g.what, g.limit, g.unit, x, x <= g.limit})
		}
	}
}

func goalTable(all []reached) [][]string {
	table := [][]string{{"", "goal", "measured", ""}}
	for _, g := range all {
		met := "missed"
		if g.Met {
			met = "met"
		}
		unit := strings.TrimRight(" "+g.Unit, " ")
		table = append(table, []string{g.What, "≤ " + number(g.Limit) + unit, number(g.Measured) + unit, met})
	}
	return table
}

// find gives a system's place. "chain" and "shared" are the first build's.
func (r *report) find(name string) (int, bool) {
	for i, s := range r.Systems {
		if s.Name == name || strings.HasPrefix(s.Name, name+"/") {
			return i, true
		}
	}
	return 0, false
}

func (r *report) cell(name, metric, system string) *cell {
	w := r.row(name, metric)
	if i, ok := r.find(system); ok && w != nil {
		return w.Cells[i]
	}
	return nil
}

// figure is a system's median.
func figure(name, metric, system string) func(*report) (float64, bool) {
	return func(r *report) (float64, bool) {
		l := r.cell(name, metric, system)
		if l == nil {
			return 0, false
		}
		return l.Median, true
	}
}

// against is the median of the rounds' ratios of one system to another.
func against(name, metric, ours, theirs string) func(*report) (float64, bool) {
	return func(r *report) (float64, bool) {
		return compare(r.cell(name, metric, ours), r.cell(name, metric, theirs))
	}
}

func compare(ours, theirs *cell) (float64, bool) {
	if ours == nil || theirs == nil {
		return 0, false
	}
	pairs := ratios(ours.Samples, theirs.Samples)
	return median(pairs), len(pairs) > 0
}

// againstBest is the ratio of the chain to that one of the others which has the least.
func againstBest(name, metric string) func(*report) (float64, bool) {
	return func(r *report) (float64, bool) {
		w := r.row(name, metric)
		if w == nil {
			return 0, false
		}
		var best *cell
		for i, l := range w.Cells {
			if l != nil && !r.Systems[i].ours && (best == nil || l.Median < best.Median) {
				best = l
			}
		}
		return compare(r.cell(name, metric, "chain"), best)
	}
}

// cheaper is the ratio of a system's CPU in two cases.
func cheaper(name, than, system string) func(*report) (float64, bool) {
	return func(r *report) (float64, bool) {
		return compare(r.cell(name, connCPU, system), r.cell(than, connCPU, system))
	}
}

// cheaperBesideProg is the same of what each costs more than prog alone, which
// no tunnel can make cheaper.
func cheaperBesideProg(name, than, system string) func(*report) (float64, bool) {
	return func(r *report) (float64, bool) {
		a, b, prog := r.cell(name, connCPU, system), r.cell(than, connCPU, system), r.cell("declined", connCPU, noTLS)
		if a == nil || b == nil || prog == nil {
			return 0, false
		}
		return (a.Median - prog.Median) / (b.Median - prog.Median), true
	}
}
