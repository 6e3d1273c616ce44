//go:build !linux

package entry

// Hide keeps others out of the memory of this process, on Linux.
func Hide(string) {}
