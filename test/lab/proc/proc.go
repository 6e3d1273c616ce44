// Package proc looks at the processes of this machine in /proc.
package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// read gives a file of a process, nothing if there is none.
func read(pid int, file string) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	return string(data)
}

// Children gives the processes whose parent is pid, whichever thread made them.
func Children(pid int) (list []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range files {
		data, _ := os.ReadFile(path)
		for _, word := range strings.Fields(string(data)) {
			n, _ := strconv.Atoi(word)
			list = append(list, n)
		}
	}
	if len(files) > 0 {
		return list
	}
	for _, p := range All() { // a kernel without such files
		if p.Parent == pid {
			list = append(list, p.Pid)
		}
	}
	return list
}

// A Process is one that runs now, or has ended and was not waited for.
type Process struct {
	Pid, Parent int
	Name        string // as ps shows it: what it executed last
	Zombie      bool
}

// All gives every process.
func All() (list []Process) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := parse(read(pid, "stat")); ok { // else it has just ended
			p.Pid = pid
			list = append(list, p)
		}
	}
	return list
}

// parse takes a line of /proc/PID/stat, in which a name may have spaces and parentheses.
func parse(line string) (p Process, ok bool) {
	from, to := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if from < 0 || to < from {
		return p, false
	}
	fields := strings.Fields(line[to+1:])
	if len(fields) < 2 {
		return p, false
	}
	parent, err := strconv.Atoi(fields[1])
	return Process{Parent: parent, Name: line[from+1 : to], Zombie: fields[0] == "Z"}, err == nil
}

// Below gives all processes below pid, which is not among them.
func Below(pid int) []Process {
	children := map[int][]Process{}
	for _, p := range All() {
		children[p.Parent] = append(children[p.Parent], p)
	}
	all := children[pid]
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].Pid]...)
	}
	return all
}

// Descriptors gives what /proc/PID/fd shows.
func Descriptors(pid int) map[int]string {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	names, _ := os.ReadDir(dir)
	all := map[int]string{}
	for _, e := range names {
		if link, err := os.Readlink(dir + e.Name()); err == nil {
			n, _ := strconv.Atoi(e.Name())
			all[n] = link
		}
	}
	return all
}

// Memory is what a process has in memory, in kB, by a field of its status:
// "VmRSS:", "RssAnon:"; 0 if there is none.
func Memory(pid int, field string) int { return number(read(pid, "status"), field) }

func number(text, field string) int {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == field {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

// Proportional is the proportional set size (proc(5)) of a process in kB: a
// page that several share counts in parts.
func Proportional(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	if !bytes.Contains(data, []byte("\nPss:")) {
		return 0, fmt.Errorf("no Pss of process %d", pid)
	}
	return number(string(data), "Pss:"), nil
}

// Listening reports whether somebody listens on a TCP port of this machine.
func Listening(port int) bool {
	want := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			// sl, local address, remote address, state: 0A is LISTEN
			if col := strings.Fields(lines.Text()); len(col) > 3 && col[3] == "0A" && strings.HasSuffix(col[1], want) {
				return true
			}
		}
	}
	return false
}
