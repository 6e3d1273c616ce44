//go:build race || asan

package backendtest

// The detector keeps notes of what was touched, and holds back what is freed.
func init() { instrumented = true }
