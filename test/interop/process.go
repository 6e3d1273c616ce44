package main

import (
	"os"
	"strconv"
	"syscall"
	"time"

	"ucspitls/test/lab/launch"
)

// A process is one side of a cell, or a part of it.
type process struct {
	*launch.Process
	argv []string
	stop bool // we ended it
	late bool // we had to
}

// start starts a program. Without a file for 0 it gets a pipe as stdin,
// without one for 1 its stdout is kept.
func start(argv, env []string, files map[int]*os.File) (*process, error) {
	p, err := launch.Start(launch.Spec{Argv: argv, Env: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "LC_ALL=C"}, env...),
		Files: files, Stdin: files[0] == nil, Stdout: files[1] == nil})
	return &process{Process: p, argv: argv}, err
}

// finish ends a process that has no end of its own, or that is late.
func (p *process) finish(patience time.Duration, ownEnd bool) {
	if p.Stdin != nil {
		defer p.Stdin.Close()
	}
	if ownEnd && p.Wait(patience) {
		return
	}
	select {
	case <-p.Ended:
	default:
		p.stop, p.late = true, ownEnd
	}
	p.Signal(syscall.SIGTERM)
	if !p.Wait(time.Second) {
		p.Signal(syscall.SIGKILL)
		p.Wait(5 * time.Second)
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
	case <-p.Ended:
	default:
		return "late"
	}
	if n := p.Code(); n > 128 {
		return "signal " + strconv.Itoa(n-128)
	} else {
		return strconv.Itoa(n)
	}
}
