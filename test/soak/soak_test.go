//go:build linux

package soak

import (
	"crypto/x509"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ucspitls/backend/backendtest/pki"
	"ucspitls/internal/entry/entrytest"
	"ucspitls/test/lab/launch"
	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		act(role)
	}
	entrytest.ResetSignals()
	os.Exit(m.Run())
}

const (
	workers  = 8
	patience = 60 * time.Second // for one session; the longest linger takes 30 s
)

// A soak is one run.
type soak struct {
	t      *testing.T
	seed   uint64
	bin    string // copies of the builds
	self   string
	envs   []*environment
	vars   []string // certificates and the like
	roots  *x509.CertPool
	log    log
	bad    atomic.Int64
	daemon map[string]*daemon // by kind of server and environment

	sessions, compared, complete, lost atomic.Int64
	mu                                 sync.Mutex
	faults                             map[fault]int
	codes                              map[string]int
}

// A daemon is a long-lived s6-tlsserver.
type daemon struct {
	name, port    string
	process       *launch.Process
	memory, files int  // when it was warm
	worker        bool // its child does the work
}

// watched is the process that may not grow.
func (d *daemon) watched() int {
	if d.worker {
		return childOf(d.process.Pid)
	}
	return d.process.Pid
}

// complain reports what must not be, the first few times in full.
func (s *soak) complain(format string, args ...any) {
	if n := s.bad.Add(1); n <= 40 {
		s.t.Errorf(format, args...)
	}
}

func TestSoak(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("make soak runs it: SOAK is how long, such as 10m")
	}
	s := newSoak(t)
	for _, e := range s.envs {
		if e.shared {
			s.share(e)
		}
		for _, kind := range servers {
			if strings.HasPrefix(kind, "s6-tlsserver") {
				s.start(kind, e)
			}
		}
	}
	end := time.Now().Add(long)
	var next atomic.Uint64
	s.round(&next, min(long/5, 20*time.Second), end) // until everything is warm
	s.quiet()
	for _, d := range s.daemon {
		d.memory, d.files = proc.Memory(d.watched(), "VmRSS:"), len(proc.Descriptors(d.watched()))
	}
	for time.Now().Before(end) {
		s.round(&next, 30*time.Second, end)
		s.quiet()
	}
	s.stop()
	s.report()
}

func newSoak(t *testing.T) *soak {
	s := &soak{t: t, daemon: map[string]*daemon{}, faults: map[fault]int{}, codes: map[string]int{}, roots: x509.NewCertPool()}
	s.log.lines = map[string]int{}
	if s.seed, _ = strconv.ParseUint(os.Getenv("SEED"), 10, 64); s.seed == 0 {
		s.seed = uint64(time.Now().UnixNano())
	}
	t.Logf("SEED=%d", s.seed)
	var err error
	if s.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s.bin = filepath.Join(dir, "bin")
	for i := range environments {
		e := &environments[i]
		build, _ := filepath.Abs("../../build/" + e.backend)
		if _, err := os.Stat(build + "/s6-tlsd-io"); err != nil {
			t.Logf("%s is not built: left out", e.backend)
			continue
		}
		if _, err := os.Stat(s.bin + "/" + e.backend); err != nil {
			if err := os.CopyFS(s.bin+"/"+e.backend, os.DirFS(build)); err != nil {
				t.Fatal(err)
			}
		}
		s.envs = append(s.envs, e)
	}
	if len(s.envs) == 0 {
		t.Fatal("nothing is built: make soak builds all backends")
	}
	p := pki.New(t)
	cert, key := p.Server(pki.P256).WriteFiles(t, dir, "server")
	ca := pki.WriteFile(t, dir, "ca.pem", p.Root.CertPEM())
	s.vars = []string{"CERTFILE=" + cert, "KEYFILE=" + key, "CAFILE=" + ca, "PATH=" + os.Getenv("PATH")}
	s.roots.AddCert(p.Root.X509)
	return s
}

// start runs a daemon whose prog is ours.
func (s *soak) start(kind string, e *environment) {
	args := append(strings.Fields(kind), "-1", "-q", "-H", "-c", "200", "-C", "200", "-S", "-j", "-K", "15000", "--", "127.0.0.1", "0", s.self)
	p, port := s.daemonOf(e, args, append([]string{roleVariable + "=server"}, e.env...))
	s.daemon[kind+" "+e.name] = &daemon{name: kind + " of " + e.name, port: port, process: p}
}

// share starts the process that has the tunnels of an environment.
func (s *soak) share(e *environment) {
	dir, err := os.MkdirTemp("", "soak") // a short name
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { os.RemoveAll(dir) })
	p, _ := s.daemonOf(e, []string{"s6-tlsd-iod", "-d1", dir + "/s"}, nil)
	e.env = []string{"TLS_IOD=" + dir + "/s", sharedVariable + "=1"}
	s.daemon["s6-tlsd-iod "+e.name] = &daemon{name: "s6-tlsd-iod of " + e.name, process: p, worker: true}
}

// daemonOf starts a daemon and waits for the line with which it serves.
func (s *soak) daemonOf(e *environment, argv, env []string) (*launch.Process, string) {
	null, _ := os.Open("/dev/null")
	p := launch.Run(s.t, launch.Spec{Path: s.bin + "/" + e.backend + "/" + argv[0], Argv: argv, Env: append(env, s.vars...),
		Files: map[int]*os.File{0: null}, Stdout: true, Line: s.log.add})
	line, whole := p.Line()
	if !whole {
		s.t.Fatalf("%s of %s does not start", argv[0], e.name)
	}
	return p, line
}

// round runs sessions for a while.
func (s *soak) round(next *atomic.Uint64, long time.Duration, end time.Time) {
	if at := time.Now().Add(long); at.Before(end) {
		end = at
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for time.Now().Before(end) && s.bad.Load() < 200 {
				s.session(makePlan(s.seed, next.Add(1), s.envs))
			}
		})
	}
	all.Wait()
}

// spawn starts a tool on descriptors.
func (s *soak) spawn(e *environment, argv []string, env []string, files map[int]*os.File) (*launch.Process, error) {
	return launch.Start(launch.Spec{Path: s.bin + "/" + e.backend + "/" + argv[0], Argv: argv, Env: append(append(env, s.vars...), e.env...), Files: files, Line: s.log.add})
}

// quiet waits until only the daemons are left, and looks for leaks.
func (s *soak) quiet() {
	mine := map[int]bool{}
	for _, d := range s.daemon {
		mine[d.process.Pid] = true
		if d.worker {
			for _, pid := range proc.Children(d.process.Pid) {
				mine[pid] = true
			}
		}
	}
	var left map[int]string
	if !wait.Until(patience, func() bool {
		left = processes(s.bin)
		for pid := range mine {
			delete(left, pid)
		}
		return len(left) == 0 && zombies() == 0
	}) {
		s.complain("left over: %v, %d zombies", left, zombies())
	}
	for _, d := range s.daemon {
		if d.memory == 0 {
			continue
		}
		if n := len(proc.Descriptors(d.watched())); n > d.files {
			s.complain("%s has %d open files, %d when it was warm", d.name, n, d.files)
		}
		if n := proc.Memory(d.watched(), "VmRSS:"); n > 2*d.memory+8<<10 {
			s.complain("%s grew from %d to %d kB", d.name, d.memory, n)
		}
	}
}

func (s *soak) stop() {
	for _, d := range s.daemon {
		syscall.Kill(d.process.Pid, syscall.SIGTERM)
		if code := d.process.Code(); code != 0 {
			s.complain("%s ended with %d", d.name, code)
		}
	}
}

// alarming are words that no line may have.
var alarming = []string{"panic", "goroutine", "runtime", "fatal error", "internal error", "the TLS library failed", "soak: lost", "starting s0-tlsd-io", "SIGSEGV"}

func (s *soak) report() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	crashes := 0
	for line, n := range s.log.lines {
		for _, word := range alarming {
			if strings.Contains(line, word) {
				crashes += n
				s.complain("%d times on stderr: %s", n, line)
				break
			}
		}
	}
	t := s.t
	t.Logf("%d sessions in %d environments, %d complete ones, %d bytes compared", s.sessions.Load(), len(s.envs), s.complete.Load(), s.compared.Load())
	t.Logf("%d bytes lost, %d alarming lines, %d complaints", s.lost.Load(), crashes, s.bad.Load())
	for f, n := range s.faults {
		t.Logf("  fault %-25s %6d", f, n)
	}
	for _, k := range slices.Sorted(maps.Keys(s.codes)) {
		t.Logf("  %-40s %6d", k, s.codes[k])
	}
	for _, k := range slices.Sorted(maps.Keys(s.log.lines)) {
		if !strings.Contains(k, ": info: ") {
			t.Logf("  %6d x %s", s.log.lines[k], k)
		}
	}
	if s.lost.Load() > 0 {
		t.Error(errors.New("bytes were lost"))
	}
}
