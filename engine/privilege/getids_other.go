//go:build !linux || 386 || arm

package privilege

import "syscall"

// There is no portable way to see the saved ids.
func isUser(id int) bool  { return syscall.Getuid() == id && syscall.Geteuid() == id }
func isGroup(id int) bool { return syscall.Getgid() == id && syscall.Getegid() == id }
