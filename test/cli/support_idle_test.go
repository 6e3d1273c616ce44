//go:build linux

package cli

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watchesItsOwn shows that a worker's epoll sets have nothing but its listener
// and what wakes its loops.
func watchesItsOwn(t *testing.T, pid int) {
	t.Helper()
	all := descriptors(pid)
	for fd, link := range all {
		if link != "anon_inode:[eventpoll]" {
			continue
		}
		info, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/fdinfo/" + strconv.Itoa(fd))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(info)) {
			word, ok := strings.CutPrefix(line, "tfd:")
			if !ok {
				continue
			}
			n, _ := strconv.Atoi(strings.Fields(word)[0])
			if n != 3 && all[n] != "anon_inode:[eventfd]" {
				t.Errorf("it watches descriptor %d (%s): %s", n, all[n], line)
			}
		}
	}
}

// sleeps shows that a process does not run, in the sense of the scheduler: a
// loop that finds an event again and again never gets there.
func sleeps(t *testing.T, pid int) {
	t.Helper()
	for range 20 { // it may have something to finish
		before := ticksOf(t, pid)
		time.Sleep(100 * time.Millisecond)
		if ticksOf(t, pid) == before {
			return
		}
	}
	t.Error("it spins")
}

// ticksOf is the CPU time of a process, user and system.
func ticksOf(t *testing.T, pid int) (n int) {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	for _, word := range f[11:13] {
		m, _ := strconv.Atoi(word)
		n += m
	}
	return n
}
