//go:build !linux || !(amd64 || arm64)

package entry

// NoTraces does nothing here: on SIGQUIT and SIGABRT the Go runtime prints its stacks.
func NoTraces() {}
