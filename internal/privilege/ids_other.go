//go:build !linux

package privilege

// Capabilities are Linux's.
func capable() bool     { return false }
func dropCapabilities() {}
