//go:build linux

package cli

import (
	"ucspitls/test/lab/pattern"
	"ucspitls/test/lab/prog"
)

// The app is the program behind the tools: this executable once more, which
// plays the steps of a test.

// appVariable holds the path of the test's socket.
const appVariable = "UCSPITLS_TEST_APP"

type (
	step       = prog.Step
	result     = prog.Result
	greeting   = prog.Greeting
	descriptor = prog.Descriptor
	fdFile     = prog.FD
	checker    = pattern.Checker
)

var patternAt, patternOf, check, isNonBlocking = pattern.At, pattern.Of, prog.Check, prog.IsNonBlocking
