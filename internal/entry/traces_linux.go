//go:build linux && (amd64 || arm64)

package entry

import "syscall"

// NoTraces gives SIGQUIT and SIGABRT their default action back, unless they are
// ignored: the Go runtime would print the stacks of all goroutines.
func NoTraces() {
	for _, n := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
		if isRecorded() && record.ignored>>(n-1)&1 != 0 {
			continue
		}
		sigact(uint64(n), &sigaction{handler: sigDefault}, nil)
	}
}
