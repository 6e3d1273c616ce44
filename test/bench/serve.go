package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"ucspitls/test/lab/proc"
)

// serveMode, as the first word, makes this program a listener:
//
//	bench serve SERVICE
//
// SERVICE is a service as JSON; the listening socket is 3. Orders come on
// stdin, one a line, and are answered with a line; EOF ends it, as soon as no
// process is left. Then one line of JSON on stdout says what was spent.
const (
	serveMode  = "serve"
	orderReady = "ready" // everything that runs now belongs to the service at rest
	orderCount = "count" // start the count
)

// A service is what one sample runs. A daemon is started once, a program of
// Each for each connection to the listening socket.
//
//	inetd style             clients ──► listener ─► Each (TLS) ─► prog
//	daemon, Front           clients ──► Daemon (TLS) ─► prog
//	daemon, Front and Each  clients ──► Daemon (TLS) ──► listener ─► Each (prog)
//	daemon and Each         clients ──► listener ─► Each ─► Daemon (TLS), prog
type service struct {
	Daemon   []string
	Each     []string // has the connection on 0 and 1
	Env      []string
	Front    bool   // the daemon listens where clients connect
	Socket   string // path that is there once the daemon is
	AllFiles bool   // as many open files as the system allows; else as few as it gives
}

func serve(args []string) error {
	s, err := serveUntilEOF(args)
	if err != nil {
		s.Err = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

func serveUntilEOF(args []string) (spent, error) {
	var svc service
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &svc) != nil {
		return spent{}, errors.New(serveMode + " needs a service")
	}
	if err := becomeSubreaper(); err != nil {
		return spent{}, err
	}
	if svc.AllFiles {
		if err := raiseFiles(); err != nil {
			return spent{}, err
		}
	}
	c := newCounter()
	const listener = 3
	syscall.CloseOnExec(listener)
	daemon := 0
	if len(svc.Daemon) > 0 {
		var err error
		if daemon, err = c.daemon(svc.Daemon); err != nil {
			return spent{}, err
		}
	}
	accepting := make(chan error, 1)
	if len(svc.Each) > 0 {
		go func() { accepting <- c.accept(listener, svc.Each) }()
	} else {
		accepting <- nil
	}
	orderErr := c.obey()
	syscall.Shutdown(listener, syscall.SHUT_RDWR) // wakes accept
	err := <-accepting
	for _, p := range proc.Below(os.Getpid()) {
		if p.Pid == daemon {
			syscall.Kill(daemon, syscall.SIGTERM)
		}
	}
	s, late := c.finish()
	return s, errors.Join(orderErr, err, late)
}

// obey follows orders until EOF.
func (c *counter) obey() (err error) {
	rest := 0
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		switch orders.Text() {
		case orderReady:
			rest = len(proc.Below(os.Getpid()))
		case orderCount:
			err = errors.Join(err, c.begin(rest))
		}
		fmt.Println("done")
	}
	return err
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

// daemon starts a program that runs until it is told to end.
func (c *counter) daemon(argv []string) (pid int, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	if pid, err = c.start(argv, os.Environ(), null.Fd(), null.Fd(), 2); err != nil {
		return 0, fmt.Errorf("%s: %v", argv[0], err)
	}
	return pid, nil
}
