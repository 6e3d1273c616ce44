//go:build !linux || (!amd64 && !arm64)

package sandbox

import (
	"errors"
	"runtime"
)

// Enter puts the process into the sandbox of p. Here there is none.
func Enter(Profile) error {
	return errors.New("there is none for " + runtime.GOOS + "/" + runtime.GOARCH)
}
