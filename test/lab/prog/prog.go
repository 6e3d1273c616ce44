// Package prog is what the programs are made of that tests put behind the
// tools: mostly the test's own executable once more.
package prog

import (
	"io"
	"os"
	"strconv"
	"syscall"
)

// An FD is read and written as it is: os.File would look whether it can be
// polled.
type FD int

// Channel is the descriptor that a variable names.
func Channel(name string, otherwise int) FD {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return FD(n)
	}
	return FD(otherwise)
}

func (f FD) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(f), p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f FD) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := syscall.Write(int(f), p[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (f FD) Close() error { return syscall.Close(int(f)) }

// Reap waits for a child, such as the tunnel or the process that waits for a
// command, and gives its exit code, 128+N for signal N.
func Reap() (code int, err error) {
	var ws syscall.WaitStatus
	for {
		_, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err == nil && ws.Signaled():
			return 128 + int(ws.Signal()), nil
		}
		return ws.ExitStatus(), err
	}
}
