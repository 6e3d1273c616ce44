//go:build linux

package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"ucspitls/test/lab/proc"
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

// processes lists those that run a program of ours, by pid.
func processes(bin string) map[int]string {
	found := map[int]string{}
	for _, p := range proc.All() {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.Pid)); err == nil && strings.HasPrefix(exe, bin) {
			found[p.Pid] = filepath.Base(exe)
		}
	}
	return found
}

// zombies counts the children of this process that were not reaped.
func zombies() (n int) {
	for _, p := range proc.All() {
		if p.Zombie && p.Parent == os.Getpid() {
			n++
		}
	}
	return n
}

// childOf finds the -io, waiting process or worker below pid; 0 for none.
func childOf(pid int) int {
	if list := proc.Children(pid); len(list) > 0 {
		return list[0]
	}
	return 0
}
