package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"ucspitls/test/lab/loopback"
	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

// A lab is where cells run: a scratch directory, the certificates, the programs.
type lab struct {
	*material
	self     string            // this executable, which plays prog
	bins     map[string]string // folder of each backend's programs
	python   string
	patience time.Duration // for a session to end by itself

	mu    sync.Mutex
	ports map[int]bool // handed out
	files int
}

func newLab(dir string, bins map[string]string) (*lab, error) {
	m, err := newMaterial(dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &lab{material: m, self: self, bins: bins, patience: 12 * time.Second, ports: map[int]bool{}}, nil
}

// reportFile is a fresh name.
func (l *lab) reportFile() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files++
	return l.file(fmt.Sprintf("report-%d", l.files))
}

// port finds one that nobody listens on. It is handed out once in a run.
func (l *lab) port() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range 100 {
		s, err := loopback.Listen()
		if err != nil {
			return 0, err
		}
		n := s.Addr().(*net.TCPAddr).Port
		s.Close()
		if !l.ports[n] {
			l.ports[n] = true
			return n, nil
		}
	}
	return 0, fmt.Errorf("no free port")
}

// listening waits until a port is listened on. It looks and does not
// connect: most of the servers take one connection and no more.
func listening(p *process, port int) error {
	ended := false
	up := wait.Until(10*time.Second, func() bool {
		select {
		case <-p.Ended:
			ended = true
		default:
		}
		return proc.Listening(port) || ended
	})
	switch {
	case ended:
		return fmt.Errorf("the server ended before it listened: %s", abbreviate(p.Stderr(), 300))
	case !up:
		return fmt.Errorf("the server does not listen on its port")
	}
	return nil
}

// abbreviate keeps the beginning and the end of a long text.
func abbreviate(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most*2/3] + "\n[...]\n" + s[len(s)-most/3:]
}
