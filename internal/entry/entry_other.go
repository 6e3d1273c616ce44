//go:build !linux || !(amd64 || arm64)

package entry

import "syscall"

func isRecorded() bool { return false }

func wasClosed(fd int) bool { return isSubstitute(fd) }

func restore() (undo func()) { return nothing }

func replace(path string, argv, envv []string) error { return syscall.Exec(path, argv, envv) }

//go:nosplit
func argv0() *byte { return nil }
