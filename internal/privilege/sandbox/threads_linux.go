//go:build linux && (amd64 || arm64)

package sandbox

import (
	"errors"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Landlock domain belongs to a thread, and a new thread has its creator's.
// Before main the runtime has made some four threads already, so each has to
// be told. Package syscall does that in a program without cgo. With cgo it does
// not, for C may have threads that Go doesn't know: there every thread is sent
// a signal, whose handler makes the two system calls (onSignal, in assembly).
//
// The first way is best gone after the filter has brought no_new_privs to every
// thread, which Landlock wants and which would cost another round. The second
// looks at /proc and has to come before.

// allThreads puts every thread into a domain of set, and what they start. It is
// for programs without cgo. The runtime ends the process if threads differ.
func allThreads(set int, noNewPrivs bool) error {
	if !noNewPrivs {
		if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
			return e
		}
	}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(set), 0, 0); e != 0 {
		return e
	}
	return nil
}

// What the handler reads and writes.
var (
	//lint:ignore U1000 the assembly uses it
	ruleset int32
	answer  int32 // what the last thread got from the kernel
	answers uint32
)

func handlers() (handler, restorer uintptr)

// theSignal is the one with which a C library changes the ids of all threads.
// Nobody blocks it, the runtime neither, and nobody uses it now.
const theSignal = 33

// patience is how long a thread may take to answer.
const patience = 5 * time.Second

// A sigaction is the kernel's struct sigaction, see rt_sigaction(2).
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const (
	saRestorer = 0x04000000
	saOnStack  = 0x08000000
	saRestart  = 0x10000000
)

func (a *sigaction) install(old *sigaction) error {
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, theSignal, uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(old)), 8, 0, 0); e != 0 {
		return e
	}
	return nil
}

// signalThreads does the same in any program. It asks one thread after the other until a look at all of them
// finds none that is new: whatever they start from then on has their domain.
func signalThreads(set int) error {
	var ours, old sigaction
	ours.handler, ours.restorer = handlers()
	ours.flags = saOnStack | saRestart
	if ours.restorer != 0 {
		ours.flags |= saRestorer
	}
	ours.mask = ^uint64(0)
	ruleset = int32(set)
	if err := ours.install(&old); err != nil {
		return err
	}
	defer old.install(nil)
	dir, err := unix.Open(tasks, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New("open " + tasks + ": " + err.Error())
	}
	defer unix.Close(dir)
	done := map[int]bool{}
	for fresh := true; fresh; {
		list, err := threads(dir)
		if err != nil {
			return err
		}
		fresh = false
		for _, id := range list {
			if done[id] {
				continue
			}
			if err := askThread(id); err != nil {
				return err
			}
			done[id], fresh = true, true
		}
	}
	return nil
}

func askThread(id int) error {
	asked := atomic.LoadUint32(&answers)
	until := time.Now().Add(patience)
	for tries := 0; atomic.LoadUint32(&answers) == asked; tries++ {
		n := uintptr(0) // from the second time on: is it still there?
		if tries == 0 {
			n = theSignal
		}
		switch _, _, e := unix.RawSyscall(unix.SYS_TGKILL, uintptr(unix.Getpid()), uintptr(id), n); {
		case e == unix.ESRCH:
			return nil
		case e != 0:
			return e
		case time.Now().After(until):
			return syscall.ETIMEDOUT
		}
		// Not a call that package syscall knows of: nobody shall run in our place.
		pause := unix.Timespec{Nsec: 10e6}
		unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&answers)), futexWait, uintptr(asked), uintptr(unsafe.Pointer(&pause)), 0, 0)
	}
	if a := atomic.LoadInt32(&answer); a != 0 {
		return syscall.Errno(-a)
	}
	return nil
}

const futexWait = 128 // FUTEX_WAIT_PRIVATE

// threads lists the threads of the process. dir is /proc/self/task, opened
// while there were still paths.
func threads(dir int) (list []int, err error) {
	if _, err := unix.Seek(dir, 0, 0); err != nil {
		return nil, err
	}
	buf := make([]byte, 2048)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return list, err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if id, err := strconv.Atoi(name); err == nil {
				list = append(list, id)
			}
		}
	}
}
