package entry

import "syscall"

// Hide keeps others that have the ids of this process from tracing it, reading
// its memory or its descriptors, and the system from writing a core of it;
// sandbox is the value of TLS_SANDBOX, and with "off" it does nothing. A child
// begins as hidden as its parent. An execve undoes it, so prog is as it would be
// without us, and the next program of ours hides itself again, as its first
// instruction; in between it is hidden if its file can't be read by who starts
// it (make install). A change of ids undoes it too where fs.suid_dumpable is 1.
// It may run without the runtime.
//
//go:nosplit
//go:norace
func Hide(sandbox string) {
	if sandbox != "off" {
		syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0, 0, 0, 0)
	}
}
