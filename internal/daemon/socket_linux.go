package daemon

import (
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
	"ucspitls/internal/lockfile"
)

// backlog is how many wrappers may wait to be accepted.
const backlog = 4096

// A socket is the one that wrappers connect to, by its name in the file system.
type socket struct {
	fd   int
	path string
	id   inode
}

// lockSuffix makes the name of the lock that is held while a socket is made.
const lockSuffix = ".lock"

type inode struct {
	dev, ino uint64
}

// listen makes the socket. Who owns it sees the cleartext of every session, so
// nobody but its owner, or root, may be able to put another in its place. uids
// may connect.
func listen(path string, uids []uint32, w lockfile.Wait) (*socket, error) {
	if len(path) >= len(syscall.RawSockaddrUnix{}.Path) {
		return nil, diag.Fail(diag.Usage, "socket: ", path, " is too long a path")
	}
	dir := filepath.Dir(path)
	parent, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Fail(diag.Config, "socket: open ", dir, ": ", diag.Cause(err))
	}
	defer unix.Close(parent)
	var st unix.Stat_t
	if err := unix.Fstat(parent, &st); err != nil {
		return nil, diag.FailSys("look at "+dir, err)
	}
	if lockfile.Writable(&st) {
		return nil, diag.Fail(diag.Config, "socket: others can write to ", dir, ": make a directory for it alone, of mode 0755 and owned by uid ", strconv.Itoa(syscall.Geteuid()))
	}
	// Of two that start at once one looks after the other listens: a socket that
	// is bound only looks like one that nobody has any more.
	lock, err := lockfile.Take(parent, filepath.Base(path)+lockSuffix, path+lockSuffix, w)
	if err != nil {
		return nil, err
	}
	defer lock.Remove()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, diag.FailSys("create a socket", err)
	}
	s := &socket{fd: fd, path: path}
	if err := s.bind(uids); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return s, nil
}

func (s *socket) bind(uids []uint32) error {
	at := &syscall.SockaddrUnix{Name: s.path}
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	err := syscall.Bind(s.fd, at)
	if err == syscall.EADDRINUSE {
		if err := removeStale(s.path, at); err != nil {
			return err
		}
		err = syscall.Bind(s.fd, at)
	}
	if err != nil {
		return diag.FailSys("bind to "+s.path, err)
	}
	if err := s.admit(uids); err != nil {
		return err
	}
	if err := syscall.Listen(s.fd, backlog); err != nil {
		return diag.FailSys("listen on "+s.path, err)
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(s.path, &st); err != nil {
		return diag.FailSys("look at "+s.path, err)
	}
	s.id = inode{uint64(st.Dev), st.Ino}
	return nil
}

// admit lets uids through to where their credentials are looked at. One other
// than root and ourselves becomes the socket's owner, if we may do that; for
// more the mode can't be the fence.
func (s *socket) admit(uids []uint32) error {
	others := slices.DeleteFunc(slices.Clone(uids), func(id uint32) bool { return id == 0 || id == uint32(syscall.Geteuid()) })
	switch {
	case len(others) == 0:
		return nil
	case len(others) == 1 && syscall.Geteuid() == 0:
		if err := syscall.Lchown(s.path, int(others[0]), -1); err != nil {
			return diag.FailSys("give "+s.path+" to uid "+strconv.Itoa(int(others[0])), err)
		}
		return nil
	}
	if err := syscall.Chmod(s.path, 0o666); err != nil {
		return diag.FailSys("open "+s.path+" to the uids of -u", err)
	}
	return nil
}

// removeStale removes a socket that nobody listens on.
func removeStale(path string, at *syscall.SockaddrUnix) error {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return diag.FailSys("look at "+path, err)
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFSOCK {
		return diag.Fail(diag.Config, "socket: ", path, " exists, and is no socket")
	}
	probe, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return diag.FailSys("create a socket", err)
	}
	defer syscall.Close(probe)
	switch err := syscall.Connect(probe, at); err {
	case syscall.ECONNREFUSED:
		if err := syscall.Unlink(path); err != nil {
			return diag.FailSys("remove the stale "+path, err)
		}
		return nil
	case nil, syscall.EAGAIN, syscall.EPROTOTYPE:
		return diag.Fail(diag.System, "somebody listens on ", path, " already")
	default:
		return diag.FailSys("see who listens on "+path, err)
	}
}

// remove takes the name away, if it is still ours.
func (s *socket) remove() {
	var st syscall.Stat_t
	if syscall.Lstat(s.path, &st) == nil && s.id == (inode{uint64(st.Dev), st.Ino}) {
		syscall.Unlink(s.path)
	}
	if s.fd >= 0 {
		syscall.Close(s.fd)
		s.fd = -1
	}
}
