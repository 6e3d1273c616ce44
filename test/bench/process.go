package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is one that runs now.
type process struct {
	pid  int
	name string // as ps shows it: what it executed last
}

// descendants lists all processes below pid, which is not among them.
func descendants(pid int) []process {
	names, err := readNames("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]process{}
	for _, name := range names {
		p, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it has just ended
		}
		if comm, parent, ok := parseStat(string(text)); ok {
			children[parent] = append(children[parent], process{p, comm})
		}
	}
	all := children[pid]
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].pid]...)
	}
	return all
}

// settle waits until no more than so many processes are below pid, and gives them.
func settle(pid, most int) []process {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		alive := descendants(pid)
		if len(alive) <= most || time.Now().After(end) {
			return alive
		}
	}
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// parseStat takes name and parent from a line of /proc/PID/stat, in which a
// name may have spaces and parentheses.
func parseStat(line string) (name string, parent int, ok bool) {
	from, to := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if from < 0 || to < from {
		return "", 0, false
	}
	fields := strings.Fields(line[to+1:])
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return line[from+1 : to], parent, err == nil
}

// memoryOf is the proportional set size (proc(5)) in kB of all processes
// below pid but those of the name, which is prog's: a page that several share
// counts in parts.
func memoryOf(pid int, but string) (float64, error) {
	total := 0.0
	for _, p := range descendants(pid) {
		if p.name == but {
			continue
		}
		kB, err := pss(p.pid)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return 0, err
		}
		total += kB
	}
	return total, nil
}

func pss(pid int) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if os.IsPermission(err) {
		return 0, errors.New("the memory of a process in its sandbox is for root alone to see")
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if fields := strings.Fields(s.Text()); len(fields) >= 2 && fields[0] == "Pss:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	if s.Err() != nil {
		return 0, s.Err()
	}
	return 0, fmt.Errorf("%s: no Pss in it", f.Name())
}

// listening tells whether somebody listens on an IPv4 port of this machine.
func listening(port string) bool {
	want, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return false
	}
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
			if n, err := strconv.ParseUint(local[9:], 16, 16); err == nil && n == want {
				return true
			}
		}
	}
	return false
}
