//go:build linux

package soak

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// A log is the stderr of all processes.
type log struct {
	mu    sync.Mutex
	lines map[string]int // without their numbers, so that they are few
}

// The lines that a healthy run may have, without numbers.
func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clean := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, line)
	for strings.Contains(clean, "00") {
		clean = strings.ReplaceAll(clean, "00", "0")
	}
	l.lines[clean]++
}

// pipe gives an end for a process to write to.
func (l *log) pipe() (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer r.Close()
		var rest []byte
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			rest = append(rest, buf[:n]...)
			for {
				i := bytes.IndexByte(rest, '\n')
				if i < 0 {
					break
				}
				l.add(string(rest[:i]))
				rest = rest[i+1:]
			}
			if err != nil {
				if len(rest) > 0 {
					l.add(string(rest))
				}
				return
			}
		}
	}()
	return w, nil
}

// processes lists those that run a program of ours, by pid.
func processes(bin string) map[int]string {
	found := map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		if exe, err := os.Readlink(d + "/exe"); err == nil && strings.HasPrefix(exe, bin) {
			found[pid] = filepath.Base(exe)
		}
	}
	return found
}

// zombies counts the children of this process that were not reaped.
func zombies() (n int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range dirs {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(f) > 1 && f[0] == "Z" && f[1] == strconv.Itoa(os.Getpid()) {
			n++
		}
	}
	return n
}

// childrenOf lists the children of a process, whichever thread made them.
func childrenOf(pid int) (list []int) {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, path := range tasks {
		data, _ := os.ReadFile(path)
		for _, f := range strings.Fields(string(data)) {
			n, _ := strconv.Atoi(f)
			list = append(list, n)
		}
	}
	return list
}

// childOf finds the -io, waiting process or worker below pid; 0 for none.
func childOf(pid int) int {
	if list := childrenOf(pid); len(list) > 0 {
		return list[0]
	}
	return 0
}

func openFiles(pid int) int {
	names, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	return len(names)
}

// memory of a process, in kB.
func memory(pid int) int {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

func exitCode(state *os.ProcessState) int {
	ws := state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
