package guard

import (
	"io"
	"syscall"
)

// A channel is one end of the socket between the two, blocking.
type channel int

func (c channel) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(c), p)
		switch {
		case err == syscall.EINTR:
		case err == syscall.ECONNRESET || n == 0 && err == nil:
			return 0, io.EOF // it ended before it had read all
		case err != nil:
			return 0, err
		default:
			return n, nil
		}
	}
}

func (c channel) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(int(c), p[done:])
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

func (c channel) Close() error { return syscall.Close(int(c)) }
