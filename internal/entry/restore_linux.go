//go:build linux && (amd64 || arm64)

package entry

import (
	"syscall"
	"unsafe"
)

// A sigaction is the kernel's struct sigaction, see rt_sigaction(2).
type sigaction struct{ handler, flags, restorer, mask uint64 }

const (
	sigDefault = 0
	sigIgnore  = 1
	sigSetmask = 2
	signals    = 64

	prSetTimerSlack = 29
)

// saved is what Restore replaced. It is static because Restore may not allocate.
var saved struct {
	actions [signals]sigaction // of the signals in changed
	changed uint64
	mask    uint64
	limits  [recorded]rlimit
}

// restore calls nothing but raw system calls and nosplit functions, so that no
// stack grows, and blocks all signals before its first change, so that no
// handler runs under the old limits and nothing preempts the goroutine.
//
//go:nosplit
//go:norace
func restore() (undo func()) {
	if !isRecorded() {
		return nothing
	}
	all := ^uint64(0)
	sigprocmask(&all, &saved.mask)

	saved.changed = 0
	for n := uint64(1); n <= signals; n++ {
		old := &saved.actions[n-1]
		sigact(n, nil, old)
		ignore := record.ignored>>(n-1)&1 != 0
		if ignore == (old.handler == sigIgnore) {
			continue // execve resets every handler to the default
		}
		action := sigaction{handler: sigDefault}
		if ignore {
			action.handler = sigIgnore
		}
		sigact(n, &action, nil)
		saved.changed |= 1 << (n - 1)
	}

	if record.brief != 0 {
		syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, uintptr(record.slack), 0)
	}
	for i, resource := range resources {
		now := &saved.limits[i]
		prlimit(resource, nil, now)
		// The hard limit may have been lowered from outside since the start.
		limit := rlimit{cur: min(record.limits[i].cur, now.max), max: now.max}
		prlimit(resource, &limit, nil)
	}
	sigprocmask(&record.blocked, nil)
	return undoRestore
}

// Lift raises the soft limits that hinder a Go program to the hard ones, as the
// entry does, for a program that is started next. It may run without the runtime.
//
//go:nosplit
//go:norace
func Lift() {
	for i := range lifted {
		var limit rlimit
		prlimit(resources[i], nil, &limit)
		if limit.cur < limit.max {
			limit.cur = limit.max
			prlimit(resources[i], &limit, nil)
		}
	}
}

//go:nosplit
//go:norace
func undoRestore() {
	all := ^uint64(0)
	sigprocmask(&all, nil)
	for i, resource := range resources {
		prlimit(resource, &saved.limits[i], nil)
	}
	for n := uint64(1); n <= signals; n++ {
		if saved.changed>>(n-1)&1 != 0 {
			sigact(n, &saved.actions[n-1], nil)
		}
	}
	sigprocmask(&saved.mask, nil)
}

//go:nosplit
//go:norace
func sigact(n uint64, action, old *sigaction) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

//go:nosplit
//go:norace
func sigprocmask(mask, old *uint64) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigSetmask, uintptr(unsafe.Pointer(mask)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

//go:nosplit
//go:norace
func prlimit(resource uint64, limit, old *rlimit) {
	syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, uintptr(resource), uintptr(unsafe.Pointer(limit)), uintptr(unsafe.Pointer(old)), 0, 0)
}
