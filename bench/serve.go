package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// serveMode, as the first word, makes this program a listener:
//
//	bench serve fork|daemon prog...
//
// fork: the listening socket is 3; prog is started for each connection, which
// it has on 0 and 1. daemon: prog is started once and listens by itself.
//
// A line on stdin starts the count; EOF ends it, as soon as no process is
// left. Then one line of JSON on stdout says what was spent.
const serveMode = "serve"

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

// finish waits until no descendant is left.
func (c *counter) finish() (spent, error) {
	close(c.started)
	select {
	case <-c.ended:
		return c.spent, nil
	case <-time.After(patience):
		return spent{}, fmt.Errorf("processes are still running %v after their connections ended", patience)
	}
}

func serve(args []string) error {
	s, err := serveUntilEOF(args)
	if err != nil {
		s.Err = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

func serveUntilEOF(args []string) (spent, error) {
	if len(args) < 2 {
		return spent{}, errors.New(serveMode + " needs a mode and a program")
	}
	if err := becomeSubreaper(); err != nil {
		return spent{}, err
	}
	c := newCounter()
	if args[0] == "daemon" {
		return c.daemon(args[1:])
	}
	const listener = 3
	syscall.CloseOnExec(listener)
	accepting := make(chan error, 1)
	go func() { accepting <- c.accept(listener, args[1:]) }()
	waitForEOF()
	syscall.Shutdown(listener, syscall.SHUT_RDWR) // wakes accept
	err := <-accepting
	s, late := c.finish()
	return s, errors.Join(err, late)
}

// accept starts prog for each connection until the listener is shut down.
func (c *counter) accept(listener int, argv []string) error {
	env := os.Environ()
	for {
		conn, _, err := syscall.Accept(listener)
		switch err {
		case nil:
		case syscall.EINTR, syscall.ECONNABORTED:
			continue
		case syscall.EINVAL:
			return nil
		default:
			return os.NewSyscallError("accept", err)
		}
		syscall.CloseOnExec(conn)
		// As tcpserver -D does: a program that writes twice in a row would
		// otherwise be measured for its wait, not for its work.
		syscall.SetsockoptInt(conn, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		_, err = c.start(argv, env, uintptr(conn), uintptr(conn), 2)
		syscall.Close(conn)
		if err != nil {
			return fmt.Errorf("%s: %v", argv[0], err)
		}
	}
}

// daemon runs a program that listens by itself. What it needed to start is
// not counted.
func (c *counter) daemon(argv []string) (spent, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return spent{}, err
	}
	defer null.Close()
	pid, err := c.start(argv, os.Environ(), null.Fd(), null.Fd(), 2)
	if err != nil {
		return spent{}, fmt.Errorf("%s: %v", argv[0], err)
	}
	in := bufio.NewReader(os.Stdin)
	in.ReadString('\n')
	before, clockErr := cpuOf(pid)
	io.Copy(io.Discard, in)
	syscall.Kill(pid, syscall.SIGTERM)
	s, late := c.finish()
	s.CPU -= before
	return s, errors.Join(clockErr, late)
}

func waitForEOF() { io.Copy(io.Discard, os.Stdin) }

// listening tells whether somebody listens on an IPv4 port of this machine.
func listening(port int) bool {
	f, err := os.Open("/proc/self/net/tcp")
	if err != nil {
		return false
	}
	defer f.Close()
	const listen = "0A"
	for s := bufio.NewScanner(f); s.Scan(); {
		var slot, local, remote, state string
		fmt.Sscan(s.Text(), &slot, &local, &remote, &state)
		if len(local) == len("0100007F:0000") && state == listen {
			if n, err := strconv.ParseInt(local[9:], 16, 32); err == nil && int(n) == port {
				return true
			}
		}
	}
	return false
}
