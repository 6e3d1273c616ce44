//go:build !linux || 386 || arm

package privilege

import "syscall"

// There is no portable way to see the saved ids.
func isUser(id uint32) bool { return uint32(syscall.Getuid()) == id && uint32(syscall.Geteuid()) == id }
func isGroup(id uint32) bool {
	return uint32(syscall.Getgid()) == id && uint32(syscall.Getegid()) == id
}
