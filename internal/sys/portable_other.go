//go:build !linux

package sys

import "syscall"

// For root these change the real, effective and saved ids alike.
func SetGID(id uint32) syscall.Errno { return errno(syscall.Setgid(int(id))) }
func SetUID(id uint32) syscall.Errno { return errno(syscall.Setuid(int(id))) }
