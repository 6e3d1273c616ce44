package main

import (
	"fmt"
	"syscall"
	"time"
)

// burnMode, as the first word, makes this program a prog that needs burnTime
// of CPU before it says "ok". It is how a run finds out whether all processes
// of a system are counted: one that ignores SIGCHLD, for instance, would have
// its children's time thrown away by the kernel.
const (
	burnMode = "burn"
	burnTime = 100 * time.Millisecond
)

func burn() error {
	for {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return err
		}
		if time.Duration(u.Utime.Nano()+u.Stime.Nano()) >= burnTime {
			break
		}
	}
	_, err := fmt.Println("ok")
	return err
}
