// Package fd is the few descriptor operations that the small programs need,
// on raw system calls.
package fd

import "syscall"

// Open tells whether descriptor n is open.
func Open(n int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(n, &st) == nil
}

// ReadFull reads from a blocking descriptor until p is full or its end.
// It restarts after a signal.
func ReadFull(n int, p []byte) (int, error) {
	got := 0
	for got < len(p) {
		m, err := syscall.Read(n, p[got:])
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return got, err
		case m == 0:
			return got, nil
		default:
			got += m
		}
	}
	return got, nil
}

// CloseReceiver closes a stream socket that takes no more input, such as the
// control socket after its command. What the other end sent all the same is
// discarded first: closing with unread bytes would turn the EOF that it waits
// for into ECONNRESET.
func CloseReceiver(n int) {
	syscall.Shutdown(n, syscall.SHUT_RD)
	var junk [512]byte
	for {
		if m, _, err := syscall.Recvfrom(n, junk[:], syscall.MSG_DONTWAIT); m <= 0 && err != syscall.EINTR {
			break
		}
	}
	syscall.Close(n)
}

// CloseFrom closes every inherited descriptor from low on.
func CloseFrom(low int) {
	keep := make([]int, 0, 16)
	for n := 3; n < low; n++ {
		keep = append(keep, n)
	}
	CloseAllBut(keep...)
}

// CloseAllBut closes every inherited descriptor above 2 that is not in keep.
// It is to be called before the program opens any.
//
// When 0, 1 or 2 is in O_NONBLOCK the Go runtime has descriptors of its own
// already, because package os hands them to its poller; without them it dies.
// They can be told apart: what was inherited is not close-on-exec.
func CloseAllBut(keep ...int) {
	for n := 3; ; n++ { // the runtime took the lowest that were free
		flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_GETFD, 0)
		if e != 0 {
			break
		}
		if flags&syscall.FD_CLOEXEC != 0 {
			keep = append(keep, n)
		}
	}
	for low := 3; low <= maxFD; {
		next := maxFD + 1 // the lowest one to keep, from low on
		for _, n := range keep {
			if n >= low && n < next {
				next = n
			}
		}
		if next > low {
			closeRange(low, next-1)
		}
		low = next + 1
	}
}

const maxFD = 1<<31 - 2

// slow is set by a test to do without the system call.
var slow bool

func closeRange(low, high int) {
	if !slow && sysCloseRange(low, high) {
		return
	}
	var lim syscall.Rlimit
	top := 65535
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) == nil && lim.Cur <= 65536 {
		top = int(lim.Cur) - 1
	}
	for n := low; n <= min(high, top); n++ {
		syscall.Close(n)
	}
}

// Inherit clears close-on-exec of n.
func Inherit(n int) error {
	if _, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_SETFD, 0); e != 0 {
		return e
	}
	return nil
}
