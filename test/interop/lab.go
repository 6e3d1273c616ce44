package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// A lab is where cells run: a scratch folder, the certificates, the programs.
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
		s, err := net.Listen("tcp4", "127.0.0.1:0")
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
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if isListening(port) {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("the server ended before it listened: %s", abbreviate(p.stderr(), 300))
		default:
		}
	}
	return fmt.Errorf("the server does not listen on its port")
}

func isListening(port int) bool {
	want := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			// sl, local address, remote address, state: 0A is LISTEN
			if col := strings.Fields(lines.Text()); len(col) > 3 && col[3] == "0A" && strings.HasSuffix(col[1], want) {
				f.Close()
				return true
			}
		}
		f.Close()
	}
	return false
}

// abbreviate keeps the beginning and the end of a long text.
func abbreviate(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most*2/3] + "\n[...]\n" + s[len(s)-most/3:]
}
