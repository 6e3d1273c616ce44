package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"ucspitls/test/lab/proc"
)

// patience bounds how long processes may take to end.
const patience = 20 * time.Second

// spent is what the measured processes used.
type spent struct {
	CPU       time.Duration // user and system time
	Processes int           // reaped here; a process that another one waited for is in that one's CPU
	Err       string        `json:",omitempty"`
}

// A counter adopts what its descendants leave behind, so that every process
// of the measured side is waited for by somebody whose own end is counted:
// wait4 gives the time of a process and of the children that it waited for,
// and an orphan comes here.
type counter struct {
	mu      sync.Mutex
	spent   spent
	before  time.Duration // spent when the count began
	started chan struct{} // there may be a child again; closed: there will be none
	ended   chan struct{}
}

func newCounter() *counter {
	c := &counter{started: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.reap()
	return c
}

// start starts a process with files on 0, 1 and so on.
func (c *counter) start(argv, env []string, files ...uintptr) (pid int, err error) {
	pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: env, Files: files})
	select {
	case c.started <- struct{}{}:
	default:
	}
	return pid, err
}

func (c *counter) reap() {
	defer close(c.ended)
	for {
		var usage syscall.Rusage
		_, err := syscall.Wait4(-1, nil, 0, &usage)
		switch err {
		case nil:
			c.mu.Lock()
			c.spent.CPU += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
			c.spent.Processes++
			c.mu.Unlock()
		case syscall.EINTR:
		default: // ECHILD
			if _, open := <-c.started; !open {
				return
			}
		}
	}
}

// begin starts the count: what was spent by now is left out, once no more
// processes run than at rest. What a process has waited for that still runs
// itself can't be told from what it will wait for; it stays in the count.
func (c *counter) begin(rest int) error {
	alive := settle(os.Getpid(), rest)
	c.mu.Lock()
	c.before = c.spent.CPU
	c.mu.Unlock()
	for _, p := range alive {
		cpu, err := cpuOf(p.Pid)
		if err != nil {
			return err
		}
		c.before += cpu
	}
	return nil
}

// finish waits until no descendant is left.
func (c *counter) finish() (spent, error) {
	close(c.started)
	select {
	case <-c.ended:
		c.spent.CPU -= c.before
		return c.spent, nil
	case <-time.After(patience):
		for _, p := range proc.Below(os.Getpid()) {
			syscall.Kill(p.Pid, syscall.SIGKILL)
		}
		return spent{}, fmt.Errorf("processes are still running %v after their connections ended", patience)
	}
}
