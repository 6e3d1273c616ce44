package main

import (
	"errors"
	"os"
	"syscall"

	"ucspitls/test/lab/proc"
	"ucspitls/test/lab/wait"
)

// settle waits until no more than so many processes are below pid, and gives them.
func settle(pid, most int) (alive []proc.Process) {
	wait.Until(patience, func() bool {
		alive = proc.Below(pid)
		return len(alive) <= most
	})
	return alive
}

// memoryOf is the proportional set size (proc(5)) in kB of all processes
// below pid but those of the name, which is prog's: a page that several share
// counts in parts.
func memoryOf(pid int, but string) (float64, error) {
	total := 0.0
	for _, p := range proc.Below(pid) {
		if p.Name == but {
			continue
		}
		kB, err := proc.Proportional(p.Pid)
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ESRCH): // it has just ended
		case os.IsPermission(err):
			return 0, errors.New("the memory of a process in its sandbox is for root alone to see")
		case err != nil:
			return 0, err
		}
		total += float64(kB)
	}
	return total, nil
}
