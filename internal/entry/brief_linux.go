//go:build linux && (amd64 || arm64)

package entry

import "syscall"

// What ucspitls_brief took away for the start of the runtime comes back here.
// Package syscall did the same, but would hand the 0 on to children.
func init() {
	if record.brief != 0 {
		hard := record.limits[recorded-1].max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: hard, Max: hard})
	}
}
