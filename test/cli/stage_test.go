//go:build linux

package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A stage is where a test waits for its app.
type stage struct {
	t *testing.T
	l *net.UnixListener
}

var stages atomic.Int64

// newStage makes a place for one app. env and prog of a spec make the tool start it.
func newStage(t *testing.T) *stage {
	t.Helper()
	path := filepath.Join(scratch, strconv.FormatInt(stages.Add(1), 10))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &stage{t, l}
}

func (s *stage) env() string    { return appVariable + "=" + s.l.Addr().String() }
func (s *stage) prog() []string { return []string{"--", self} }

// An app is a running program behind a tool, and its descriptors' numbers.
type app struct {
	greeting
	t           *testing.T
	conn        net.Conn
	in          *json.Decoder
	ctl, rd, wr int // SSLCTLFD, SSLREADFD, SSLWRITEFD; of an immediate tool's app -1, 0, 1
}

// app waits for the app to be started.
func (s *stage) app() *app {
	s.t.Helper()
	s.l.SetDeadline(time.Now().Add(patience))
	conn, err := s.l.Accept()
	if err != nil {
		s.t.Fatalf("prog was not started: %v", err)
	}
	s.t.Cleanup(func() { conn.Close() })
	a := &app{t: s.t, conn: conn, in: json.NewDecoder(conn)}
	conn.SetDeadline(time.Now().Add(2 * patience))
	if err := a.in.Decode(&a.greeting); err != nil {
		s.t.Fatal(err)
	}
	a.ctl, a.rd, a.wr = a.number("SSLCTLFD", -1), a.number("SSLREADFD", 0), a.number("SSLWRITEFD", 1)
	return a
}

// started reports whether prog was started at all.
func (s *stage) started() bool {
	s.l.SetDeadline(time.Now().Add(20 * time.Millisecond))
	conn, err := s.l.Accept()
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func (a *app) number(name string, otherwise int) int {
	if v, ok := a.lookup(name); ok {
		n, err := strconv.Atoi(v)
		if err != nil {
			a.t.Fatalf("%s=%s", name, v)
		}
		return n
	}
	return otherwise
}

// lookup finds a variable of the app's environment.
func (a *app) lookup(name string) (string, bool) {
	for _, item := range a.Env {
		if v, ok := strings.CutPrefix(item, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// send gives the app steps without waiting for what comes of them.
func (a *app) send(steps ...step) {
	a.t.Helper()
	if err := json.NewEncoder(a.conn).Encode(steps); err != nil {
		a.t.Fatalf("app: %v", err)
	}
}

// results waits for what came of the steps of one send.
func (a *app) results() (r []result) {
	a.t.Helper()
	if err := a.in.Decode(&r); err != nil {
		a.t.Fatalf("app: %v", err)
	}
	return r
}

func (a *app) play(steps ...step) []result {
	a.t.Helper()
	a.send(steps...)
	return a.results()
}

// must plays one step that can't fail.
func (a *app) must(s step) result {
	a.t.Helper()
	r := a.play(s)[0]
	if r.Err != "" {
		a.t.Fatalf("app: %s %d: %s", s.Do, s.FD, r.Err)
	}
	return r
}

func (a *app) write(fd int, data string) { a.t.Helper(); a.must(write(fd, data)) }
func (a *app) close(fd int)              { a.t.Helper(); a.must(step{Do: "close", FD: fd}) }
func (a *app) exit(code int)             { a.t.Helper(); a.send(step{Do: "exit", N: code}) }

// wait reaps the app's child and gives its code.
func (a *app) wait() int { a.t.Helper(); return a.must(step{Do: "wait"}).N }

// expectWait checks the code of the app's child.
func (a *app) expectWait(code int) {
	a.t.Helper()
	if overIOD && a.ctl < 0 {
		return // the tunnel of an immediate tool is no child of prog then
	}
	if got := a.wait(); got != code {
		a.t.Errorf("the child of prog ended with %d, want %d", got, code)
	}
}

// expectRead checks what one or more reads give.
func (a *app) expectRead(fd int, want string) {
	a.t.Helper()
	got := ""
	for len(got) < len(want) {
		r := a.must(step{Do: "read", FD: fd, N: len(want) - len(got)})
		got += string(r.Data)
	}
	if got != want {
		a.t.Errorf("prog read %q, want %q", got, want)
	}
}

// expectEnd reads to EOF, which must be a clean one, and checks what came before.
func (a *app) expectEnd(fd int, want string) {
	a.t.Helper()
	if got := a.readAll(fd); got != want {
		a.t.Errorf("prog read %q to EOF, want %q", abbreviate(got), abbreviate(want))
	}
}

func (a *app) readAll(fd int) string {
	a.t.Helper()
	return string(a.must(step{Do: "readall", FD: fd}).Data)
}

// expectFault checks that a write fails with the system's words.
func (a *app) expectFault(fd int, words string) {
	a.t.Helper()
	if r := a.play(write(fd, "x"))[0]; r.Err != words {
		a.t.Errorf("write to %d: %q, want %q", fd, r.Err, words)
	}
}

func write(fd int, data string) step { return step{Do: "write", FD: fd, Data: []byte(data)} }

func abbreviate(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s... (%d bytes)", s[:200], len(s))
	}
	return s
}
