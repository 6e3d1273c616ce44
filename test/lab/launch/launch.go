// Package launch starts programs with exactly the descriptors that they are to
// have, keeps what they write, and waits for their end.
package launch

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"ucspitls/test/lab/wait"
)

// A Spec is a program to be started.
type Spec struct {
	Path   string // what is run, looked up in PATH without a slash; empty: Argv[0]
	Argv   []string
	Env    []string
	Dir    string           // where it runs; empty: /
	Files  map[int]*os.File // its descriptors; the caller's copies are closed
	User   *syscall.Credential
	Stdin  bool         // 0 is a pipe from Process.Stdin
	Stdout bool         // what it writes to 1 is kept
	Line   func(string) // gets each line of stderr, as it comes
}

// A Process leads a group, so that all of it can be ended. It and what it
// started write to one stderr, unless Spec.Files has another one.
type Process struct {
	Pid    int
	Stdin  *os.File
	Ended  chan struct{} // the program itself has ended
	Closed chan struct{} // EOF of a kept stdout
	Silent chan struct{} // and of stderr: everything that held them has ended
	Change chan struct{} // there may be more of them

	state    *os.ProcessState
	mu       sync.Mutex
	out, err bytes.Buffer
}

// Start starts a program.
func Start(s Spec) (*Process, error) {
	p := &Process{Ended: make(chan struct{}), Closed: make(chan struct{}), Silent: make(chan struct{}), Change: make(chan struct{}, 1)}
	files := make([]*os.File, 3)
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	for n, f := range s.Files {
		theirs = append(theirs, f)
		for len(files) <= n {
			files = append(files, nil)
		}
		files[n] = f
	}
	var ours [3]*os.File
	for n, wanted := range []bool{s.Stdin, s.Stdout, files[2] == nil} {
		if !wanted {
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		if ours[n], files[n] = r, w; n == 0 {
			ours[n], files[n] = w, r
		}
		theirs = append(theirs, files[n])
	}
	if s.Path == "" {
		s.Path = s.Argv[0]
	}
	path, err := exec.LookPath(s.Path)
	if err != nil {
		return nil, err
	}
	if s.Dir == "" {
		s.Dir = "/"
	}
	child, err := os.StartProcess(path, s.Argv, &os.ProcAttr{Dir: s.Dir, Env: s.Env, Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true, Credential: s.User}})
	if err != nil {
		return nil, err
	}
	p.Pid, p.Stdin = child.Pid, ours[0]
	go func() {
		p.state, _ = child.Wait()
		close(p.Ended)
	}()
	var readers sync.WaitGroup
	if ours[1] != nil {
		readers.Go(func() {
			p.collect(&p.out, ours[1], nil)
			close(p.Closed)
		})
	}
	if ours[2] != nil {
		readers.Go(func() { p.collect(&p.err, ours[2], s.Line) })
	}
	go func() {
		readers.Wait()
		close(p.Silent)
	}()
	return p, nil
}

// capture is how much of an output is kept.
const capture = 4 << 20

func (p *Process) collect(buf *bytes.Buffer, r *os.File, line func(string)) {
	defer r.Close()
	b := make([]byte, 16<<10)
	var rest []byte
	for {
		n, err := r.Read(b)
		p.mu.Lock()
		if buf.Len() < capture {
			buf.Write(b[:n])
		}
		p.mu.Unlock()
		if line != nil {
			rest = append(rest, b[:n]...)
			for {
				text, after, whole := bytes.Cut(rest, []byte("\n"))
				if !whole && (err == nil || len(rest) == 0) {
					break
				}
				line(string(text))
				rest = after
			}
		}
		select {
		case p.Change <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// Stdout and Stderr are what was written so far.
func (p *Process) Stdout() []byte { return p.written(&p.out) }
func (p *Process) Stderr() string { return string(p.written(&p.err)) }

func (p *Process) written(buf *bytes.Buffer) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(buf.Bytes())
}

// Wait waits for the end of the program and of all output, and reports whether
// it came within a time.
func (p *Process) Wait(limit time.Duration) bool {
	late := time.After(limit)
	for _, done := range []chan struct{}{p.Silent, p.Ended} {
		select {
		case <-done:
		case <-late:
			return false
		}
	}
	return true
}

// Signal sends a signal to the group that the process leads.
func (p *Process) Signal(sig syscall.Signal) { syscall.Kill(-p.Pid, sig) }

// Code waits for the end of the program itself, which may have become another,
// and gives its exit code, 128+N for signal N.
func (p *Process) Code() int {
	<-p.Ended
	return CodeOf(p.state)
}

// CodeOf is the exit code of a process, 128+N for signal N.
func CodeOf(state *os.ProcessState) int {
	ws := state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// Line waits for the first line that is written to a kept stdout, such as a
// daemon's when it serves, and reports whether it came whole.
func (p *Process) Line() (line string, whole bool) {
	wait.Until(wait.Patience, func() bool {
		ended := false
		select {
		case <-p.Closed:
			ended = true
		default:
		}
		line, _, whole = strings.Cut(string(p.Stdout()), "\n")
		return whole || ended
	})
	return line, whole
}
