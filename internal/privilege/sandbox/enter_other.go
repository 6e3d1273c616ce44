//go:build !linux || (!amd64 && !arm64)

package sandbox

import (
	"errors"
	"runtime"
)

// Enter puts the process into the sandbox of p. Here there is none.
func Enter(Profile, Check) error {
	return errors.New("there is none for " + runtime.GOOS + "/" + runtime.GOARCH)
}

// ErrTraced is what Traced says of a process that somebody traces.
var ErrTraced = errors.New("another process traces this one")

// Traced can't tell here.
func Traced() error { return errors.New("not known on " + runtime.GOOS + "/" + runtime.GOARCH) }
