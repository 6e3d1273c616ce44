package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A benchCase is one thing to measure of every system that can do it.
type benchCase struct {
	name    string
	title   string
	role    role
	key     string // of keyTypes
	version uint16
	prog    func(b *bench, sys *system) []string
	load    func(*bench, *target) (*work, error)
	metrics []metric
	resume  bool // sessions are resumed, but for a first one that is not counted
	answer  int  // bytes that prog says
	once    bool // one sample will do
	many    bool // needs many open files
	idling  bool // is of tunnels that wait
}

// A metric is a figure of a sample, with its unit.
type metric struct {
	Name string
	more bool // more is better
}

// The metrics' names.
const (
	connCPU    = "CPU/conn µs"
	connRate   = "conn/s"
	bulkCPU    = "CPU s/GiB"
	bulkRate   = "MiB/s"
	tripTime   = "round trip µs"
	tripCPU    = "CPU/trip µs"
	firstTime  = "first byte ms"
	lastTime   = "last byte ms"
	idleAtMost = "kB/tunnel at most"
	idleMost   = "tunnels at most"
	idleTrip   = "round trip ×"
	rushServed = "served %"
	rushMedian = "handshake p50 ms"
	rushLate   = "handshake p99 ms"
)

var (
	perConnection = []metric{{connCPU, false}, {connRate, true}}
	perGiB        = []metric{{bulkCPU, false}, {bulkRate, true}}
	perTrip       = []metric{{tripTime, false}, {tripCPU, false}}
	perAnswer     = []metric{{firstTime, false}, {lastTime, false}}
	perRush       = []metric{{rushServed, true}, {connRate, true}, {rushMedian, false}, {rushLate, false}}
)

const (
	tls12      = tls.VersionTLS12
	tls13      = tls.VersionTLS13
	answerSize = 64 << 10
)

// allCases are the cases of a run, in its order.
func (o *options) allCases() []*benchCase {
	full := func(kind, key string, version uint16, resume bool) *benchCase {
		title := map[string]string{"p256": "P-256", "rsa": "RSA-2048"}[key]
		return &benchCase{name: kind + "-" + key + "-" + versionName(version), title: kind + " connection, " + title,
			role: immediate, key: key, version: version, prog: sayOK, load: visits, metrics: perConnection, resume: resume}
	}
	simple := func(name, title string, version uint16, prog func(*bench, *system) []string, load func(*bench, *target) (*work, error), metrics []metric) *benchCase {
		return &benchCase{name: name + "-" + versionName(version), title: title,
			role: immediate, key: "p256", version: version, prog: prog, load: load, metrics: metrics}
	}
	ask := func(version uint16) *benchCase {
		c := simple("delayed-p256", "cleartext, then TLS", version, ask, visits, perConnection)
		c.role = delayed
		return c
	}
	first := func(name string, answer int, prog func(*bench, *system) []string) *benchCase {
		c := simple(name, fmt.Sprintf("from connect to prog's answer of %d bytes", answer), tls13, prog, firstByte, perAnswer)
		c.answer = answer
		return c
	}
	rush := simple("overload", fmt.Sprintf("%d clients at once for %v", o.crowd, o.rush), tls13, sayOK, overload, perRush)
	rush.name, rush.once, rush.many = "overload", true, true
	idling := simple("idle", "tunnels that wait", tls13, echo, idle, o.idleMetrics())
	idling.name, idling.once, idling.many, idling.idling = "idle", true, true, true
	waiting := &benchCase{name: "waiting", title: "TLS offered, nobody has asked yet", role: declined, key: "p256",
		prog: echo, load: idle, metrics: o.idleMetrics()[:len(o.idle)+1], once: true, many: true, idling: true}
	return []*benchCase{
		full("full", "p256", tls13, false), full("full", "p256", tls12, false),
		full("full", "rsa", tls13, false), full("full", "rsa", tls12, false),
		full("resumed", "p256", tls13, true), full("resumed", "p256", tls12, true),
		full("resumed", "rsa", tls13, true), full("resumed", "rsa", tls12, true),
		ask(tls13), ask(tls12),
		{name: "declined", title: "TLS offered, not asked for", role: declined, key: "p256", prog: sayOK, load: visits, metrics: perConnection},
		first("first-3B", len("ok\n"), sayOK), first("first-64K", answerSize, answer),
		simple("down", "prog sends, AES-128-GCM", tls13, pour, download, perGiB),
		simple("down", "prog sends, AES-128-GCM", tls12, pour, download, perGiB),
		simple("up", "prog receives, AES-128-GCM", tls13, drink, upload, perGiB),
		simple("up", "prog receives, AES-128-GCM", tls12, drink, upload, perGiB),
		simple("ping", "64 bytes there and back", tls13, echo, pingPong, perTrip),
		simple("ping", "64 bytes there and back", tls12, echo, pingPong, perTrip),
		rush, waiting, idling,
	}
}

// idleMetrics are the memory at each level, the number at the last one, and
// what it does to a tunnel at work.
func (o *options) idleMetrics() (all []metric) {
	for _, n := range o.idle[:len(o.idle)-1] {
		all = append(all, metric{idleMetric(n), false})
	}
	return append(all, metric{idleAtMost, false}, metric{idleMost, true}, metric{idleTrip, false})
}

func versionName(v uint16) string {
	if v == tls12 {
		return "tls1.2"
	}
	return "tls1.3"
}

// The progs. Two peers split command lines at spaces, so that whatever needs
// more is a script.

func sayOK(*bench, *system) []string { return []string{"/bin/echo", "ok"} }
func echo(*bench, *system) []string  { return []string{"/bin/cat"} }

func ask(b *bench, sys *system) []string {
	return []string{b.script("ask-"+sys.Name, sys.asks)}
}

func answer(*bench, *system) []string {
	return []string{"/bin/dd", "if=/dev/zero", fmt.Sprintf("bs=%d", answerSize), "count=1", "status=none"}
}

func pour(b *bench, _ *system) []string {
	return []string{"/bin/dd", "if=/dev/zero", "bs=65536", fmt.Sprintf("count=%d", b.bulk()>>16), "status=none"}
}

func drink(b *bench, _ *system) []string {
	return []string{b.script("drink", fmt.Sprintf("dd of=/dev/null bs=65536 count=%d iflag=fullblock status=none\necho ok\n", b.bulk()>>16))}
}

// orphan is a prog that starts prog and ends at once, so that prog becomes
// the listener's child and is counted.
func (b *bench) orphan(prog []string) []string {
	return []string{b.script("orphan-"+filepath.Base(prog[0]), "exec 3<&0\n"+strings.Join(prog, " ")+" <&3 3<&- &\n")}
}

// script writes a shell script, whose path has no space; a failure shows when
// it can't be run.
func (b *bench) script(name, text string) string {
	path := filepath.Join(b.dir, strings.NewReplacer("/", "-", " ", "-").Replace(name))
	os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755)
	return path
}
