package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
)

// A stage is a supervisor on a system where nothing happens but what a test has
// happen: workers are numbers from 1 on, time is told, the files are a word.
type stage struct {
	*supervisor
	t       *testing.T
	look    chan time.Time
	timer   chan time.Time
	clock   time.Time
	content string // of the files
	broken  bool   // no worker can be started
	workers []*fakeWorker
	happens []string
}

// A fakeWorker is a child, and its own end of the channel.
type fakeWorker struct {
	child
	channel int
	over    bool // it was told to drain, or has ended
}

func newStage(t *testing.T) *stage {
	t.Setenv("NOTIFY_SOCKET", "")
	path := filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, look: make(chan time.Time, 1)}
	s.supervisor = &supervisor{
		printer: &diag.Printer{Name: "iod", Verbosity: diag.Verbose, Sink: func(said string) {
			s.add(strings.ReplaceAll(said, path, "SOCKET"))
		}},
		socket:  &socket{fd: -1, path: path, id: inode{uint64(st.Dev), st.Ino}},
		signals: make(chan os.Signal, 1), ready: make(chan *child, 1), full: make(chan *child, 1), ended: make(chan *child, 1),
		look: s.look, draining: map[*child]bool{}, wait: firstWait,
	}
	s.system = system{
		spawn: s.spawnFake,
		kill:  func(c *child) { s.add("kill " + strconv.Itoa(c.pid)) },
		files: func() string { return s.content },
		now:   func() time.Time { return s.clock },
		after: func(d time.Duration) <-chan time.Time {
			s.add("wait " + d.String())
			s.timer = make(chan time.Time, 1)
			return s.timer
		},
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) add(what string) { s.happens = append(s.happens, what) }

func (s *stage) spawnFake() (*child, error) {
	if s.broken {
		return nil, diag.FailSys("start a worker", syscall.EAGAIN)
	}
	ours, theirs, err := fd.SocketPair()
	if err != nil {
		s.t.Fatal(err)
	}
	w := &fakeWorker{child: child{pid: len(s.workers) + 1, control: ours}, channel: theirs}
	s.t.Cleanup(func() { unix.Close(theirs) })
	s.workers = append(s.workers, w)
	s.add("start " + strconv.Itoa(w.pid))
	return &w.child, nil
}

// do has one thing happen: a word, the number of a worker, a colon and an argument.
func (s *stage) do(action string) error {
	action, argument, _ := strings.Cut(action, ":")
	name := strings.TrimRight(action, "0123456789")
	var w *fakeWorker
	if n, err := strconv.Atoi(action[len(name):]); err == nil {
		w = s.workers[n-1]
	}
	switch name {
	case "ready":
		s.ready <- &w.child
	case "full":
		s.full <- &w.child
	case "exit", "signal":
		n, _ := strconv.Atoi(argument)
		if name == "exit" {
			n <<= 8
		}
		w.status, w.over = syscall.WaitStatus(n), true
		s.ended <- &w.child
	case "hup":
		s.signals <- syscall.SIGHUP
	case "term":
		s.signals <- syscall.SIGTERM
	case "timer":
		s.timer <- s.clock
	case "files":
		s.content = argument
		s.look <- s.clock
	case "later":
		d, err := time.ParseDuration(argument)
		s.clock = s.clock.Add(d)
		return err
	case "broken":
		s.broken = argument != "no"
		return nil
	default:
		s.t.Fatalf("what is %s?", action)
	}
	err := s.step()
	for _, w := range s.workers {
		var b [1]byte
		if w.over {
			continue
		}
		if n, _, err := unix.Recvfrom(w.channel, b[:], unix.MSG_DONTWAIT); n == 0 && err == nil {
			w.over = true
			s.add("drain " + strconv.Itoa(w.pid))
		}
	}
	if _, err := os.Lstat(s.socket.path); err != nil && s.socket.id != (inode{}) {
		s.socket.id = inode{}
		s.add("remove SOCKET")
	}
	return err
}

// play has all of it happen, until the supervisor ends.
func (s *stage) play(actions string) string {
	for _, action := range strings.Fields(actions) {
		if err := s.do(action); err != nil {
			var e *diag.Error
			if !errors.As(err, &e) {
				s.t.Fatalf("%s: %v", action, err)
			}
			s.add("end " + strconv.Itoa(e.Code))
			break
		}
		if s.over() {
			s.add("end 0")
			break
		}
	}
	return strings.Join(s.happens, "; ")
}

func TestSupervisor(t *testing.T) {
	for _, c := range []struct{ name, actions, want string }{
		{"start", "ready1", "start 1; info: worker 1 serves SOCKET"},
		{"the first one never begins", "exit1:96", "start 1; end 96"},
		{"the first one is killed", "signal1:9", "start 1; end 137"},
		{"reload", "ready1 hup ready2 exit1:0",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; start 2; info: worker 2 serves SOCKET; drain 1; info: worker 1 has drained"},
		{"reload before the first is ready", "hup ready1 ready2 exit1:0",
			"start 1; info: reloading: a signal; start 2; drain 1; info: worker 2 serves SOCKET; info: worker 1 has drained"},
		{"reload twice", "ready1 hup hup ready3 exit2:0 exit1:0",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; start 2; info: reloading: a signal; start 3; drain 2; info: worker 3 serves SOCKET; drain 1; info: worker 2 has drained; info: worker 1 has drained"},
		{"reload comes to nothing", "ready1 hup exit2:96 hup signal3:11 hup ready4",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; start 2; warning: worker 2 did not get ready (exit code 96): the one that serves goes on; " +
				"info: reloading: a signal; start 3; warning: worker 3 did not get ready (signal 11): the one that serves goes on; " +
				"info: reloading: a signal; start 4; info: worker 4 serves SOCKET; drain 1"},
		{"reload can't start one", "ready1 broken hup broken:no timer ready2",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; warning: unable to start a worker: resource temporarily unavailable; wait 1s; start 2; info: worker 2 serves SOCKET; drain 1"},
		{"the one that serves ends in a reload", "ready1 hup exit1:101 ready2 term exit2:0",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; start 2; warning: worker 1 ended (exit code 101): another one gets ready already; " +
				"info: worker 2 serves SOCKET; drain 2; remove SOCKET; info: worker 2 has drained; end 0"},
		{"both end in a reload", "ready1 hup exit1:101 exit2:97 timer ready3",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; start 2; warning: worker 1 ended (exit code 101): another one gets ready already; " +
				"warning: worker 2 ended (exit code 97): starting another in 1s; wait 1s; start 3; info: worker 3 serves SOCKET"},
		{"back-off", "ready1 exit1:101 timer ready2 exit2:101 timer exit3:97 timer exit4:97 timer exit5:97 timer exit6:97 timer exit7:97",
			"start 1; info: worker 1 serves SOCKET; warning: worker 1 ended (exit code 101): starting another in 1s; wait 1s; " +
				"start 2; info: worker 2 serves SOCKET; warning: worker 2 ended (exit code 101): starting another in 2s; wait 2s; " +
				"start 3; warning: worker 3 ended (exit code 97): starting another in 4s; wait 4s; " +
				"start 4; warning: worker 4 ended (exit code 97): starting another in 8s; wait 8s; " +
				"start 5; warning: worker 5 ended (exit code 97): starting another in 16s; wait 16s; " +
				"start 6; warning: worker 6 ended (exit code 97): starting another in 30s; wait 30s; " +
				"start 7; warning: worker 7 ended (exit code 97): starting another in 30s; wait 30s"},
		{"back-off ends with one that lived", "ready1 exit1:101 timer ready2 later:61s exit2:101",
			"start 1; info: worker 1 serves SOCKET; warning: worker 1 ended (exit code 101): starting another in 1s; wait 1s; " +
				"start 2; info: worker 2 serves SOCKET; warning: worker 2 ended (exit code 101): starting another in 1s; wait 1s"},
		{"a reload does not wait for the back-off", "ready1 exit1:101 hup ready2",
			"start 1; info: worker 1 serves SOCKET; warning: worker 1 ended (exit code 101): starting another in 1s; wait 1s; info: reloading: a signal; start 2; info: worker 2 serves SOCKET"},
		{"full", "ready1 full1 full1 ready2 full1 exit1:0",
			"start 1; info: worker 1 serves SOCKET; info: worker 1 is full: starting another; start 2; info: worker 2 serves SOCKET; drain 1; info: worker 1 has drained"},
		{"full before it is ready", "full1 ready1", "start 1; info: worker 1 serves SOCKET"},
		{"files change", "ready1 files:a files:b files:b files:b ready2",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a file changed; start 2; info: worker 2 serves SOCKET; drain 1"},
		{"files change and change back", "ready1 files:a files: files:", "start 1; info: worker 1 serves SOCKET"},
		{"stop", "ready1 term hup exit1:0", "start 1; info: worker 1 serves SOCKET; drain 1; remove SOCKET; info: worker 1 has drained; end 0"},
		{"stop with one that gets ready", "ready1 hup term ready2 exit2:0 exit1:0",
			"start 1; info: worker 1 serves SOCKET; info: reloading: a signal; start 2; drain 1; drain 2; remove SOCKET; info: worker 2 has drained; info: worker 1 has drained; end 0"},
		{"stop while there is none", "ready1 exit1:101 term",
			"start 1; info: worker 1 serves SOCKET; warning: worker 1 ended (exit code 101): starting another in 1s; wait 1s; remove SOCKET; end 0"},
		{"stop twice", "ready1 term term", "start 1; info: worker 1 serves SOCKET; drain 1; remove SOCKET; kill 1; end 0"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			if got := newStage(t).play(c.actions); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.actions, strings.ReplaceAll(got, "; ", "\n     "), strings.ReplaceAll(c.want, "; ", "\n     "))
			}
		})
	}
}

// TestSupervisorFull: one that is full is not replaced while too many drain.
func TestSupervisorFull(t *testing.T) {
	s := newStage(t)
	s.do("ready1")
	for n := 1; n <= mostFull+3; n++ {
		s.do("full" + strconv.Itoa(len(s.workers)))
		s.do("ready" + strconv.Itoa(len(s.workers)))
	}
	if len(s.workers) != mostFull+1 || len(s.draining) != mostFull {
		t.Errorf("%d workers, of which %d drain", len(s.workers), len(s.draining))
	}
	s.do("exit3:0")
	s.do("full" + strconv.Itoa(len(s.workers)))
	if len(s.workers) != mostFull+2 {
		t.Errorf("%d workers when one has drained", len(s.workers))
	}
}
