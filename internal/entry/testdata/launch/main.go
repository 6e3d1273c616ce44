// Command launch starts a program in a process of a given state, as a
// supervisor or softlimit would:
//
//	launch [ignore=SIGNAL] [block=SIGNAL] [close=FD] [unset=NAME] [soft=RESOURCE:VALUE] [hard=RESOURCE:VALUE] ... path args...
//
// All but names are numbers; hard sets the soft limit too.
package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

type limit struct {
	resource uintptr
	value    [2]uint64
}

func main() {
	runtime.LockOSThread()
	var mask uint64
	var limits []limit
	args := os.Args[1:]
	for ; strings.Contains(args[0], "="); args = args[1:] {
		name, value, _ := strings.Cut(args[0], "=")
		value, second, _ := strings.Cut(value, ":")
		if name == "unset" {
			os.Unsetenv(value)
			continue
		}
		n, m := number(value), uint64(0)
		if second != "" {
			m = number(second)
		}
		switch name {
		case "ignore":
			action := [4]uintptr{1}
			syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
		case "block":
			mask |= 1 << (n - 1)
		case "close":
			syscall.Close(int(n))
		case "soft":
			var now syscall.Rlimit
			syscall.Getrlimit(int(n), &now)
			limits = append(limits, limit{uintptr(n), [2]uint64{m, now.Max}})
		case "hard":
			limits = append(limits, limit{uintptr(n), [2]uint64{m, m}})
		default:
			os.Exit(100)
		}
	}
	path, _ := syscall.BytePtrFromString(args[0])
	argv, _ := syscall.SlicePtrFromStrings(args)
	envv, _ := syscall.SlicePtrFromStrings(os.Environ())
	runtime.GOMAXPROCS(1)

	// Nothing is allocated from here on.
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
	for i := range limits {
		syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, limits[i].resource, uintptr(unsafe.Pointer(&limits[i].value)), 0, 0, 0)
	}
	syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])))
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		os.Exit(100)
	}
	return n
}
