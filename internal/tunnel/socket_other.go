//go:build unix && !linux

package tunnel

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func recv(n int, p []byte) (int, error) {
	m, _, err := unix.Recvfrom(n, p, unix.MSG_DONTWAIT)
	return m, err
}

// A write to a connection that broke is no reason to die: Go's runtime has
// a handler for SIGPIPE.
func send(n int, p []byte) (int, error) {
	return unix.SendmsgN(n, p, nil, nil, unix.MSG_DONTWAIT)
}

func readPipe(n int, p []byte) (int, error)  { return unix.Read(n, p) }
func writePipe(n int, p []byte) (int, error) { return unix.Write(n, p) }

func dropReports(int) {}

// unacked: no portable way to ask. The session then waits for the peer's FIN,
// a short while.
func unacked(int) int { return 0 }

// readNow and writeNow: only Linux has them.
func readNow(int, []byte) (int, error)  { return 0, syscall.EOPNOTSUPP }
func writeNow(int, []byte) (int, error) { return 0, syscall.EOPNOTSUPP }
