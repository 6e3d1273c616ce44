package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
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

func TestWorkToSample(t *testing.T) {
	for _, c := range []struct {
		name string
		work work
		cpu  time.Duration
		want sample
	}{
		{"connections", work{figures: sample{connRate: 2}, cpu: connCPU, units: 4, unit: time.Microsecond}, 8 * time.Millisecond,
			sample{connRate: 2, connCPU: 2000}},
		{"bulk", work{cpu: bulkCPU, units: 0.5, unit: time.Second}, time.Second, sample{bulkCPU: 2}},
		{"no CPU", work{figures: sample{firstTime: 3}}, time.Second, sample{firstTime: 3}},
	} {
		if got := c.work.sample(c.cpu); !maps.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
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

func TestIdleOption(t *testing.T) {
	for list, want := range map[string][]int{"100,1000": {100, 1000}, "7": {7}, "": nil, "0": nil, "5,5": nil, "5,x": nil} {
		var o options
		if err := o.setIdle(list); (err == nil) != (want != nil) || err == nil && !slices.Equal(o.idle, want) {
			t.Errorf("-idle %q: %v, %v", list, o.idle, err)
		}
	}
}

// TestMemory: what runs below the listener is found, but for prog.
func TestMemory(t *testing.T) {
	linuxOnly(t)
	sh := exec.Command("/bin/sh", "-c", "/bin/cat & wait")
	stdin, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	sh.Args[2] = "exec 3<&0; /bin/cat <&3 & wait"
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	defer sh.Wait()
	defer stdin.Close()
	self := os.Getpid()
	wait.Eventually(t, "cat below the test", func() bool {
		return slices.ContainsFunc(proc.Below(self), func(p proc.Process) bool { return p.Name == "cat" })
	})
	with, err := memoryOf(self, "")
	if err != nil {
		t.Fatal(err)
	}
	without, err := memoryOf(self, "cat")
	if err != nil || without <= 0 || without >= with {
		t.Errorf("%v kB, %v without cat, %v", with, without, err)
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

// TestBrokenProg: a prog that does not do its part is an error with its own
// words, and ours ends the run.
func TestBrokenProg(t *testing.T) {
	linuxOnly(t)
	b := &bench{options: quick, dir: t.TempDir()}
	c := &benchCase{name: "broken", role: declined, load: visits,
		prog: func(b *bench, _ *system) []string { return []string{b.script("fail", "echo no luck >&2\n")} }}
	_, err := b.take(c, direct(), nil)
	if err == nil || !strings.Contains(err.Error(), "broken, direct: ") || !strings.HasSuffix(err.Error(), ": no luck") {
		t.Errorf("error: %v", err)
	}
}

// TestSmoke is one tiny round of a few cases, with whatever peers are here.
// All of them are what make bench BENCH=-quick is for.
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
	systems, missing, err := findSystems([]string{bin, filepath.Join(bin, "nothing")}, []string{"all"}, variants)
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) == 0 || !strings.Contains(missing[0], "run make") {
		t.Errorf("missing: %q", missing)
	}
	b := &bench{options: quick, dir: t.TempDir(), systems: systems, progress: t.Output()}
	b.only, b.connections, b.idle = "full-rsa-tls1.2,down-tls1.3,overload", 2, []int{2, 3}
	if os.Getuid() == 0 { // who alone sees the memory of our tunnels
		b.only += ",waiting"
	}
	r, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range r.Failed {
		t.Error("failed: ", line)
	}
	if len(r.Cases) != 1+strings.Count(b.only, ",") {
		t.Errorf("%d cases", len(r.Cases))
	}
	for _, c := range r.Cases {
		for _, w := range c.Rows {
			for i, l := range w.Cells {
				if l == nil && i == 0 {
					t.Errorf("%s: ours did not do it", c.Name)
				}
				if l != nil && (len(l.Samples) != 1 || !(l.Median > 0)) {
					t.Errorf("%s, %s, %s: %+v", c.Name, w.Metric, r.Systems[i].Name, l)
				}
			}
		}
	}
	r.judge()
	r.write(t.Output())
}
