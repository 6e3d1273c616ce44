// Package fd is the few descriptor operations that the small programs need,
// on raw system calls.
package fd

import "syscall"

// Open reports whether descriptor n is open.
func Open(n int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(n, &st) == nil
}

// IsSocket reports whether descriptor n is a socket.
func IsSocket(n int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(n, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
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

// Close closes a descriptor for which nobody else is responsible.
func Close(n int) { syscall.Close(n) }

// CloseReceiver closes a stream socket that takes no more input, such as the
// control socket after its command.
func CloseReceiver(n int) {
	EndInput(n)
	syscall.Close(n)
}

// EndInput prepares a stream socket for its closing: what the other end sent
// all the same is discarded, and no more is taken. Closing with unread bytes
// would turn the EOF that it waits for into ECONNRESET.
func EndInput(n int) {
	// Not Receive, which the sandbox of a tunnel does not let it call. What
	// descriptors come along are closed by the system.
	endInput(n, func(n int, p []byte) (int, error) {
		m, _, err := syscall.Recvfrom(n, p, syscall.MSG_DONTWAIT)
		return m, err
	})
}

func endInput(n int, receive func(int, []byte) (int, error)) {
	syscall.Shutdown(n, syscall.SHUT_RD)
	var junk [512]byte
	for {
		if m, err := receive(n, junk[:]); m <= 0 && err != syscall.EINTR {
			break
		}
	}
}

// CloseFrom closes every inherited descriptor from low on.
func CloseFrom(low int) { closeInherited(func(n int) bool { return n < low }) }

// CloseAllBut closes every inherited descriptor above 2 that is not in keep.
func CloseAllBut(keep ...int) {
	closeInherited(func(n int) bool {
		for _, k := range keep {
			if n == k {
				return true
			}
		}
		return n <= 2
	})
}

// closeInherited closes what came through the execve. The Go runtime may have
// descriptors of its own by now, or open them at any moment on another thread,
// and dies without them: its poller's, when package os finds 0 in O_NONBLOCK or
// a timer is set. They are told apart by close-on-exec, which nothing that was
// inherited has, and which all that the runtime and we open have. For the same
// reason only numbers that a snapshot shows are looked at.
func closeInherited(keep func(int) bool) {
	for _, n := range inherited() {
		if !keep(n) {
			syscall.Close(n)
		}
	}
}

// inherited lists the open descriptors that are not close-on-exec.
func inherited() []int {
	all, ok := open()
	if !ok {
		all = upToLimit()
	}
	list := all[:0]
	for _, n := range all {
		flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_GETFD, 0)
		if e == 0 && flags&syscall.FD_CLOEXEC == 0 {
			list = append(list, n)
		}
	}
	return list
}

// upToLimit is every number that may be one, where no list can be had.
func upToLimit() (all []int) {
	var lim syscall.Rlimit
	top := 65536
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) == nil && lim.Cur < 65536 {
		top = int(lim.Cur)
	}
	for n := 0; n < top; n++ {
		all = append(all, n)
	}
	return all
}

// Inherit clears close-on-exec of n.
func Inherit(n int) error {
	if _, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_SETFD, 0); e != 0 {
		return e
	}
	return nil
}

// Highest is the highest number of an open descriptor, whoever opened it; -1 if
// there is none.
func Highest() int {
	all, ok := open()
	if !ok {
		all = upToLimit()
	}
	top := -1
	for _, n := range all {
		if n > top && Open(n) { // the list itself was open
			top = n
		}
	}
	return top
}
