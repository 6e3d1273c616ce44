package main

import (
	"bytes"
	"encoding/json"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// orphanMode makes this test program leave a child behind that needs burnTime
// of CPU, without waiting for it.
const orphanMode = "orphan"

func TestMain(m *testing.M) {
	// A race-enabled program waits for a second at its end.
	baseEnv = append(baseEnv, "GORACE=atexit_sleep_ms=0")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case serveMode, burnMode:
			if err := run(os.Args[1:]); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		case orphanMode:
			cmd := exec.Command(os.Args[0], burnMode)
			cmd.Stdout = os.Stdout
			if cmd.Start() != nil {
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		q, want float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 1, 4, 2, 3}, 0.25, 2},
		{[]float64{5, 1, 4, 2, 3}, 0.75, 4},
		{[]float64{1, 2}, 0, 1},
		{[]float64{1, 2}, 1, 2},
		{[]float64{10, 20}, 0.25, 12.5},
	} {
		before := append([]float64(nil), c.samples...)
		if got := quantile(c.samples, c.q); got != c.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", c.samples, c.q, got, c.want)
		}
		for i := range before {
			if c.samples[i] != before[i] {
				t.Fatalf("quantile changed the order of %v", before)
			}
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{
		{[]float64{10, 10, 10}, 0},
		{[]float64{1, 2, 3, 4, 5}, 1.0 / 3},
		{[]float64{0, 0}, 0},
		{[]float64{10, 10, 10, 10, 1000}, 0},
	} {
		if got := spread(c.samples); got != c.want {
			t.Errorf("spread(%v) = %v, want %v", c.samples, got, c.want)
		}
	}
}

// TestRatios has a machine that slows down for everybody in the second round.
func TestRatios(t *testing.T) {
	got := ratios([]float64{1, 10, 3}, []float64{2, 20, 0, 5})
	if len(got) != 2 || got[0] != 0.5 || got[1] != 0.5 {
		t.Errorf("ratios = %v", got)
	}
}

func TestWorkToSample(t *testing.T) {
	for _, c := range []struct {
		name string
		work work
		cpu  time.Duration
		want sample
	}{
		{"connections", work{connections: 4, took: 2 * time.Second}, 8 * time.Millisecond,
			sample{PerSecond: 2, CPUPer: 2000}},
		{"bulk", work{bytes: 512 << 20, took: 2 * time.Second}, time.Second,
			sample{MiBps: 256, CPUPerGiB: 2}},
		{"trips", work{trips: [][]float64{{1, 9, 3}, {5, 5, 5}}}, 60 * time.Microsecond,
			sample{Trip: 4, CPUTrip: 10}},
	} {
		if got := c.work.sample(c.cpu); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{1234.6: "1235", 99.94: "99.9", 9.876: "9.88", 0: "0.00"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
}

func TestWants(t *testing.T) {
	for _, c := range []struct {
		only, name string
		want       bool
	}{
		{"", "declined", true},
		{"full", "full-rsa-tls1.3", true},
		{"up,rsa", "full-rsa-tls1.3", true},
		{"up,,", "full-rsa-tls1.3", false},
	} {
		if got := (&options{only: c.only}).wants(c.name); got != c.want {
			t.Errorf("-only %q, %s: %v", c.only, c.name, got)
		}
	}
}

func TestWriteTable(t *testing.T) {
	var out bytes.Buffer
	writeTable(&out, [][]string{{"case", "what", "a"}, {"x", "µs", "1 ±2%"}, {"longer", "–", ""}})
	want := `| case   | what |     a |
|--------|------|------:|
| x      | µs   | 1 ±2% |
| longer | –    |       |
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

func TestReport(t *testing.T) {
	b := &bench{options: options{rounds: 2}, systems: []*system{{Name: "ours"}, {Name: "theirs", Note: "a note"}, {Name: "idle"}}}
	r := newReport(b)
	c := &benchCase{name: "case", metrics: perConnection}
	r.add(c, b.systems, map[string][]sample{
		"ours":   {{CPUPer: 100, PerSecond: 30}, {CPUPer: 300, PerSecond: 30}},
		"theirs": {{CPUPer: 200, PerSecond: 10}, {CPUPer: 600, PerSecond: 10}},
	})
	r.Missing = []string{"hitch (Debian package hitch)"}
	var out bytes.Buffer
	r.write(&out)
	for _, want := range []string{
		"| case | CPU/conn µs | 200 ±25% | 400 ±25% |    – |",
		"| case | CPU/conn µs |     0.50 |      – |",
		"| case | conn/s      |     3.00 |      – |",
		"theirs:  (a note)",
		"missing: hitch (Debian package hitch)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func linuxOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are counted on Linux only")
	}
}

// direct is a system without TLS, for tests of the counting.
func direct() *system {
	s := bare()
	s.Name = "direct"
	return s
}

// TestCounting: a prog's CPU time is found, also when nobody waited for it.
func TestCounting(t *testing.T) {
	linuxOnly(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: t.TempDir()}
	for _, mode := range []string{burnMode, orphanMode} {
		if err := b.counts(direct(), nil, []string{self, mode}); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	// A prog that needs next to nothing must not pass for one that burnt.
	if err := b.counts(direct(), nil, []string{"/bin/echo", "ok"}); err == nil || !strings.Contains(err.Error(), "were found") {
		t.Errorf("echo: %v", err)
	}
}

func TestCPUClock(t *testing.T) {
	linuxOnly(t)
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := burn(); err != nil {
		t.Fatal(err)
	}
	if after, err := cpuOf(os.Getpid()); err != nil || after <= before {
		t.Errorf("%v after %v, %v", after, before, err)
	}
}

func TestListening(t *testing.T) {
	linuxOnly(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if !listening(port) {
		t.Error("an open listener was not found")
	}
	l.Close()
	if listening(port) {
		t.Error("a closed listener was found")
	}
}

// TestBrokenProg: a prog that does not do its part is an error with its own
// words, and ours ends the run.
func TestBrokenProg(t *testing.T) {
	linuxOnly(t)
	b := &bench{options: options{connections: 1, parallel: 1}, dir: t.TempDir()}
	c := &benchCase{name: "broken", role: declined, load: visits,
		prog: func(b *bench, _ *system) []string { return []string{b.script("fail", "echo no luck >&2\n")} }}
	_, err := b.take(c, direct(), nil)
	if err == nil || !strings.Contains(err.Error(), "broken, direct: ") || !strings.HasSuffix(err.Error(), ": no luck") {
		t.Errorf("error: %v", err)
	}
}

// TestSmoke is one tiny round of everything, with whatever peers are here.
func TestSmoke(t *testing.T) {
	linuxOnly(t)
	bin := filepath.Join(t.TempDir(), "gotls")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", bin, "ucspitls/cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	systems, missing, err := findSystems(dir, []string{bin})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range missing {
		t.Log("missing:", line)
	}
	b := &bench{
		options: options{rounds: 1, connections: 2, parallel: 2, mebibytes: 1, trips: 3},
		dir:     dir, systems: systems, progress: t.Output(),
	}
	r, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range r.Failed {
		t.Error("failed: ", line)
	}
	if want := 2 * len(cases); len(r.Rows) != want {
		t.Errorf("%d rows, want %d", len(r.Rows), want)
	}
	for _, w := range r.Rows {
		for i, l := range w.Cells {
			if l == nil && i == 0 {
				t.Errorf("%s: ours did not do it", w.Case)
			}
			if l != nil && (len(l.Samples) != 1 || !(l.Median > 0)) {
				t.Errorf("%s, %s, %s: %+v", w.Case, w.Metric, r.Systems[i].Name, l)
			}
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	r.write(t.Output())
}
