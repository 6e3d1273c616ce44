package daemon

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
	"ucspitls/internal/fd"
)

// ownNotify takes the descriptor of -d for the supervisor alone, so that its
// reader sees the end of it: a worker has 0 to 2 as well. 0 is none.
func ownNotify(n uint32) (int, error) {
	if n == 0 {
		return 0, nil
	}
	if n > 1<<30 || !fd.Open(int(n)) {
		return 0, diag.Fail(diag.System, "unable to check descriptor ", diag.Uint(uint64(n)), ": bad file descriptor")
	}
	if n > 2 {
		syscall.CloseOnExec(int(n))
		return int(n), nil
	}
	own, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return 0, diag.FailSys("copy a descriptor", err)
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, diag.FailSys("open /dev/null", err)
	}
	defer syscall.Close(null)
	if err := fd.Move(null, int(n)); err != nil {
		return 0, diag.FailSys("move a descriptor", err)
	}
	return own, nil
}

// notifyTimeout is how long the socket of NOTIFY_SOCKET may be full: any user can
// send to systemd's.
const notifyTimeout = 5

// notifyReady says that connections are served: a newline on the descriptor of
// -d (s6), READY=1 to NOTIFY_SOCKET (systemd). Its reader is whoever started us.
func notifyReady(printer *diag.Printer, notify int) {
	if notify > 0 {
		syscall.Write(notify, []byte("\n"))
		syscall.Close(notify)
	}
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	s, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		defer syscall.Close(s)
		limit := syscall.Timeval{Sec: notifyTimeout}
		syscall.SetsockoptTimeval(s, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit)
		err = syscall.Sendto(s, []byte("READY=1"), syscall.MSG_NOSIGNAL, &syscall.SockaddrUnix{Name: path}) // a leading @ is understood
	}
	if err != nil {
		printer.Warning("NOTIFY_SOCKET: ", path, ": ", err.Error())
	}
}
