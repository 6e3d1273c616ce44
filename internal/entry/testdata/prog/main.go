// Command prog does what a wrapper does: it execs its arguments.
//
//	prog [-big] [-busy] [-fork] [-ignore] [-fail] [-plain] path args...
//	prog -report
package main

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"ucspitls/internal/entry"
)

var sink [8][][]byte

func main() {
	args := os.Args[1:]
	env := os.Environ()
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-report":
			report()
			return
		case "-big": // 100 kB of environment, 1,000 more words
			for range 100 {
				env = append(env, "BIG="+strings.Repeat("x", 1020))
			}
			for range 1000 {
				args = append(args, "word")
			}
		case "-busy": // other threads map memory all the time, the collector runs
			for i := range sink {
				go func() {
					for {
						sink[i] = append(sink[i], make([]byte, 16<<20)) // never touched
					}
				}()
			}
			runtime.GC()
		case "-ignore": // as a tool may do for itself
			ignore(syscall.SIGPIPE)
			ignore(syscall.SIGALRM)
		case "-fail": // an exec that fails first and leaves no trace
			runtime.LockOSThread()
			before := signals()
			if err := entry.Exec("/nonexistent/prog", args[1:], env); err != syscall.ENOENT {
				fail("no such file was expected", err)
			}
			if after := signals(); after != before {
				fail("before:\n"+before+"after:\n"+after, nil)
			}
			sink[0] = append(sink[0], make([]byte, 64<<20)) // impossible under the old limits
		case "-plain": // as if there were no package entry
			fail("exec", syscall.Exec(args[1], args[1:], env))
		case "-fork":
			fork(args[1:], env)
			return
		}
		args = args[1:]
	}
	fail("exec", entry.Exec(args[0], args, env))
}

func report() {
	s := ""
	if entry.Recorded() {
		s = "recorded"
	}
	for fd := -1; fd <= 3; fd++ {
		if entry.Closed(fd) {
			s += " closed" + string(rune('0'+fd))
		}
	}
	// On 3, since 0 to 2 may be closed.
	syscall.Write(3, []byte(s+"\n"))
}

// signals is what the thread blocks and the process ignores and catches.
func signals() string {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		fail("status", err)
	}
	kept := ""
	for line := range strings.Lines(string(status)) {
		for _, name := range []string{"SigBlk", "SigIgn", "SigCgt"} {
			if strings.HasPrefix(line, name) {
				kept += line
			}
		}
	}
	return kept
}

func ignore(sig syscall.Signal) {
	action := [4]uintptr{1}
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}

// fork runs path in the child of a raw fork, as a listener does.
func fork(args, env []string) {
	path, _ := syscall.BytePtrFromString(args[0])
	argv, _ := syscall.SlicePtrFromStrings(args)
	envv, _ := syscall.SlicePtrFromStrings(env)
	runtime.LockOSThread()
	pid, errno := clone(path, &argv[0], &envv[0])
	if errno != 0 {
		fail("clone", errno)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(int(pid), &status, 0, nil); err != nil || status != 0 {
		fail("child", err)
	}
	sink[0] = append(sink[0], make([]byte, 64<<20)) // our own limits are still lifted
}

//go:nosplit
func clone(path *byte, argv, envv **byte) (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	entry.Restore()
	syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(argv)), uintptr(unsafe.Pointer(envv)))
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 111, 0, 0)
	return 0, 0
}

func fail(what string, err error) {
	if err != nil {
		what += ": " + err.Error()
	}
	syscall.Write(2, []byte("prog: "+what+"\n"))
	os.Exit(111)
}
