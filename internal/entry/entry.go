package entry

import "syscall"

// Recorded reports whether the program was started through the recording
// entry, that is on linux/amd64 or linux/arm64, linked with -E ucspitls_entry.
//
//go:nosplit
func Recorded() bool { return isRecorded() }

// Closed reports whether descriptor fd (0, 1 or 2) was closed when the program
// was started.
//
// Without a recording it reports whether fd is what the Go runtime opens in
// place of a closed one: /dev/null, on Linux for reading and writing. A
// program that was given exactly that on purpose can't be told apart; the
// null device of a shell or of systemd is open in one direction only.
func Closed(fd int) bool {
	switch {
	case fd < 0 || fd > 2:
		return false
	case Recorded():
		return wasClosed(fd)
	}
	return isSubstitute(fd)
}

// CloseAgain makes an exec close the standard descriptors that were closed at
// the start, for the next program to find them as this one did. Without a
// recording it does nothing: /dev/null may be there on purpose.
func CloseAgain() {
	for fd := range 3 {
		if Recorded() && wasClosed(fd) {
			syscall.CloseOnExec(fd)
		}
	}
}

// Restore puts back the recorded limits, ignored signals and signal mask, for
// an execve(2) that follows at once on the same thread. A signal that was not
// ignored at the start, but is now, becomes default. It must be the last thing
// before the execve: under the old limits every mmap(2) fails, and a Go
// program whose mmap fails dies, so nothing may be allocated in between. undo
// puts everything back as Restore found it, if the execve failed.
//
// Restore and undo only make raw system calls and don't grow the stack: they
// may be called in the child of a raw fork. A program that goes on running
// after the fork must use them there, because a child of syscall.ForkExec
// inherits the lifted limits and loses the ignored signals. Everywhere else
// Exec is what to use. Without a recording both do nothing.
//
//go:nosplit
func Restore() (undo func()) { return restore() }

// Exec replaces the program by another one, as execve(2), with the limits,
// ignored signals and signal mask that were recorded. It does not touch
// descriptors; one that was closed at the start is /dev/null unless the caller
// closes it. It returns only if it failed, with a syscall.Errno, and the
// program can go on. Without a recording it is syscall.Exec.
func Exec(path string, argv, envv []string) error {
	if !Recorded() {
		return syscall.Exec(path, argv, envv)
	}
	return replace(path, argv, envv)
}

//go:nosplit
func nothing() {}
