//go:build unix

package fd

import "syscall"

// The last close of a socket waits for its peer if who has the same socket has
// said so (SO_LINGER, socket(7)). A process that serves many must not be the one
// who waits, and need not even have been given the socket: what comes along with
// a message (SCM_RIGHTS) is closed by who reads or discards the message.

// CloseNow closes n without waiting, and all that others have sent to it.
func CloseNow(n int) {
	// On what is no socket the first of these fails, and that is all.
	if syscall.SetsockoptLinger(n, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{}) == nil && Local(n) {
		endInput(n, Receive)
	}
	syscall.Close(n)
}

// maxRights is how many descriptors may come with a message (SCM_MAX_FD of Linux).
const maxRights = 253

// Receive reads a message of a socket, or what there is of a stream, without
// waiting. Descriptors that come with it are closed.
func Receive(n int, p []byte) (int, error) {
	m, files, _, err := ReceiveFiles(n, p)
	for _, f := range files {
		CloseNow(f)
	}
	return m, err
}

// ReceiveFiles is Receive for a message that is to bring descriptors, which are
// the caller's then, close-on-exec. all is false where the system has kept some back.
func ReceiveFiles(n int, p []byte) (m int, files []int, all bool, err error) {
	var rights [(maxRights + 8) * 4]byte
	m, size, flags, _, err := syscall.Recvmsg(n, p, rights[:], syscall.MSG_DONTWAIT|closeOnExec)
	if err != nil {
		return 0, nil, true, err
	}
	messages, _ := syscall.ParseSocketControlMessage(rights[:size])
	for i := range messages {
		if fds, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			files = append(files, fds...)
		}
	}
	return m, files, flags&syscall.MSG_CTRUNC == 0, nil
}
