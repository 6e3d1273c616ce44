//go:build linux

package cli

import (
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// A peer that has read the last byte it wanted and closes at once, with our
// close_notify unread: its system sends an RST. Nothing was lost, though the
// acknowledgement of that byte may have been.
func TestPeerLeavesTheCloseNotifyUnread(t *testing.T) {
	eachServer(t, func(t *testing.T, program string, version tweak) {
		for _, flag := range []string{"-s", "-S"} {
			for range 5 {
				x, a, c := talk(t, program, []string{flag, "-v2"}, version)
				for range 10 { // acknowledgements are delayed from now on
					echo(t, a, c)
				}
				a.send(write(a.wr, "221 bye\r\n"), step{Do: "exit"})
				header := make([]byte, 5)
				if _, err := io.ReadFull(x.peer, header); err != nil {
					t.Fatal(err)
				}
				n := int(header[3])<<8 + int(header[4])
				more := n
				if flag == "-S" {
					more++ // a part of the close_notify is there
				}
				eventually(t, "the close_notify", func() bool { return unread(t, x.peer) >= more })
				io.ReadFull(x.peer, make([]byte, n))
				x.peer.Close()
				if out := x.stderr(); !farewell.MatchString(out) || strings.Contains(out, "fatal") {
					t.Errorf("%s: stderr %q", flag, out)
				}
			}
		}
	})
}

// farewell is how the line of -v2 says that nothing went wrong.
var farewell = regexp.MustCompile(`(?m), (ended normally( \(.*\))?|reset by the peer at the end, \d+ bytes were not acknowledged)$`)

// unread is how much has arrived that nobody has read: FIONREAD, tcp(7).
func unread(t *testing.T, c *tap) (n int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var count int32
	raw.Control(func(fd uintptr) {
		syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&count)))
	})
	return int(count)
}
