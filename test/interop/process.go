package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// A command is a program to run.
type command struct {
	argv  []string
	env   []string         // besides PATH
	files map[int]*os.File // descriptors from 0 on; ours are closed
}

// A process runs in a group of its own, so that all of it can be ended.
type process struct {
	argv   []string
	stdin  io.WriteCloser
	pid    int
	ended  chan struct{} // the program itself has ended
	quiet  chan struct{} // and so has everything that holds its output
	state  *os.ProcessState
	stop   bool // we ended it
	late   bool // we had to
	mu     sync.Mutex
	out    bytes.Buffer // stdout
	err    bytes.Buffer // stderr
	change chan struct{}
}

// launch starts a program. Without a file for 0 it gets a pipe as stdin,
// without one for 1 its stdout is kept.
func launch(c command) (*process, error) {
	p := &process{argv: c.argv, ended: make(chan struct{}), quiet: make(chan struct{}), change: make(chan struct{}, 1)}
	files := []*os.File{nil, nil, nil}
	var ours []*os.File
	defer func() {
		for _, f := range ours {
			f.Close()
		}
		for _, f := range c.files {
			f.Close()
		}
	}()
	for n, f := range c.files {
		for len(files) <= n {
			files = append(files, nil)
		}
		files[n] = f
	}
	if files[0] == nil {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		files[0], p.stdin = r, w
		ours = append(ours, r)
	}
	var readers sync.WaitGroup
	for n, buf := range map[int]*bytes.Buffer{1: &p.out, 2: &p.err} {
		if files[n] != nil {
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		files[n] = w
		ours = append(ours, w)
		readers.Go(func() { p.collect(buf, r) })
	}
	path, err := exec.LookPath(c.argv[0])
	if err != nil {
		return nil, err
	}
	child, err := os.StartProcess(path, c.argv, &os.ProcAttr{
		Env:   append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "LC_ALL=C"}, c.env...),
		Files: files, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return nil, err
	}
	p.pid = child.Pid
	go func() {
		p.state, _ = child.Wait()
		close(p.ended)
	}()
	go func() {
		readers.Wait()
		<-p.ended
		close(p.quiet)
	}()
	return p, nil
}

// capture is how much of an output is kept.
const capture = 1 << 20

func (p *process) collect(buf *bytes.Buffer, r *os.File) {
	defer r.Close()
	b := make([]byte, 16<<10)
	for {
		n, err := r.Read(b)
		p.mu.Lock()
		if buf.Len() < capture {
			buf.Write(b[:n])
		}
		p.mu.Unlock()
		select {
		case p.change <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// stdout and stderr are what was written so far.
func (p *process) stdout() []byte { return p.written(&p.out) }
func (p *process) stderr() string { return string(p.written(&p.err)) }

func (p *process) written(buf *bytes.Buffer) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(buf.Bytes())
}

// wait waits for the end of everything; false when it did not come in time.
func (p *process) wait(d time.Duration) bool {
	select {
	case <-p.quiet:
		return true
	case <-time.After(d):
		return false
	}
}

// kill ends the group that the process leads.
func (p *process) kill(sig syscall.Signal) { syscall.Kill(-p.pid, sig) }

// finish ends a process that has no end of its own, or that is late.
func (p *process) finish(patience time.Duration, ownEnd bool) {
	if p.stdin != nil {
		defer p.stdin.Close()
	}
	if ownEnd && p.wait(patience) {
		return
	}
	select {
	case <-p.ended:
	default:
		p.stop, p.late = true, ownEnd
	}
	p.kill(syscall.SIGTERM)
	if !p.wait(time.Second) {
		p.kill(syscall.SIGKILL)
		p.wait(5 * time.Second)
	}
}

// exit says how it ended: "0", "98", "signal 9", "stopped" by us as it had
// no end of its own, "late" when it should have had one.
func (p *process) exit() string {
	switch {
	case p.late:
		return "late"
	case p.stop:
		return "stopped"
	}
	select {
	case <-p.ended:
	default:
		return "late"
	}
	ws := p.state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return "signal " + strconv.Itoa(int(ws.Signal()))
	}
	return strconv.Itoa(ws.ExitStatus())
}
