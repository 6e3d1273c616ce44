//go:build !linux

package privilege

import "syscall"

// For root these change the real, effective and saved ids alike.
func setgid(id int) error { return syscall.Setgid(id) }
func setuid(id int) error { return syscall.Setuid(id) }

// Capabilities are Linux's.
func capable() bool     { return false }
func dropCapabilities() {}
