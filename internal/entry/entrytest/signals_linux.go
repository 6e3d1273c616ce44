package entrytest

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"
)

// ResetSignals sees to it that the programs that a test starts have the default
// action for every signal, whatever those have left ignored who started the
// tests: nohup SIGHUP, a script's background job SIGINT, some the signals 32 to
// 34, which the C library and threads use for themselves. The test goes on to
// ignore the ones of nohup and the script.
func ResetSignals() {
	for n := syscall.Signal(1); n < 32; n++ {
		if ignored(n) {
			// A signal that is caught has its default action after an exec.
			signal.Notify(dropped, n)
		}
	}
	var action sigaction // SIG_DFL
	for n := syscall.Signal(32); n <= 34; n++ {
		rtSigaction(n, &action, nil)
	}
}

var dropped = make(chan os.Signal, 1) // nobody reads it

// A sigaction is struct sigaction of the kernel, on any system.
type sigaction struct {
	handler uintptr
	rest    [7]uint64
}

func ignored(n syscall.Signal) bool {
	const sigIgn = 1
	var action sigaction
	rtSigaction(n, nil, &action)
	return action.handler == sigIgn
}

func rtSigaction(n syscall.Signal, set, old *sigaction) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}
