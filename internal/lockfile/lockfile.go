// Package lockfile is a lock between processes that a stranger can't take.
//
// flock(2) asks for no more than an open descriptor, so what is locked must be
// what nobody else can open: a file of mode 0600 in a directory that only its
// owner can write to (Writable). A directory itself, or a file that others can
// read, is no such thing.
//
// Only who holds the lock on the file that the name refers to may give the name
// to another file, or remove it. So the file may be renamed or removed when the
// work is done, which is the end of the lock, and one that a killed process left
// behind is used again.
package lockfile

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
)

const (
	// Patience is how long a lock is waited for. Who holds it works for some
	// milliseconds, unless it was stopped or its disk is slow.
	Patience = 10 * time.Second

	speakAfter = time.Second // that it waits is worth a line then
	firstPause = time.Millisecond
	maxPause   = 50 * time.Millisecond
)

// ErrStopped means that Pause ended the wait.
var ErrStopped = errors.New("stopped while waiting for a lock")

// A Wait is how to wait.
type Wait struct {
	Warn  func(text ...string)
	Pause func(time.Duration) bool // sleeps; false ends the wait
	Now   func() time.Time
}

// A Lock is held as long as its descriptor is open.
type Lock struct {
	FD        int // open for reading and writing
	directory int
	name      string
}

// Writable reports whether others than root and the own user can write to a
// directory, and so put a file of their own in any other's place.
func Writable(st *unix.Stat_t) bool {
	return st.Mode&0o022 != 0 || st.Uid != 0 && st.Uid != uint32(unix.Geteuid())
}

// Take locks the file called name in directory, and makes it if it is not there.
// path is what the error lines call it.
func Take(directory int, name, path string, w Wait) (*Lock, error) {
	l := &Lock{-1, directory, name}
	until, spoken := w.Now().Add(Patience), false
	for pause := firstPause; ; {
		made, err := l.open(path)
		if err != nil {
			return nil, err
		}
		switch err := l.try(made); {
		case err == nil:
			return l, nil
		case err == errReplaced:
			pause = 0
		case err != unix.EAGAIN:
			l.Close()
			return nil, diag.FailSys("lock "+path, err)
		}
		l.Close()
		left := until.Sub(w.Now())
		if left <= 0 {
			return nil, diag.Fail(diag.System, "unable to lock ", path, ": another process has held it for ", Patience.String())
		}
		if !spoken && left <= Patience-speakAfter {
			spoken = true
			w.Warn("waiting for another process, which has locked ", path)
		}
		if pause > 0 && !w.Pause(pause) {
			return nil, ErrStopped
		}
		pause = min(max(2*pause, firstPause), maxPause)
	}
}

// open opens the file. made is true if nobody else can have opened it before.
func (l *Lock) open(path string) (made bool, err error) {
	const flags = unix.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	l.FD = -1
	for l.FD < 0 {
		l.FD, err = unix.Openat(l.directory, l.name, flags, 0)
		if err == unix.ENOENT {
			if l.FD, err = unix.Openat(l.directory, l.name, flags|unix.O_CREAT|unix.O_EXCL, 0o600); err == nil {
				made = true
				unix.Fchmod(l.FD, 0o600) // a umask may have taken more
			}
		}
		switch err {
		case nil, unix.EINTR, unix.EEXIST: // another one made it meanwhile
		case unix.ELOOP, unix.EMLINK:
			return false, diag.Fail(diag.Config, path, ": is a symbolic link")
		default:
			return false, diag.FailSys("open "+path, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(l.FD, &st); err != nil {
		l.Close()
		return false, diag.FailSys("look at "+path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		l.Close()
		return false, diag.Fail(diag.Config, path, ": is not a regular file")
	}
	return made, nil
}

// errReplaced: the file has not the name any more.
var errReplaced = errors.New("replaced")

// try locks the file, if that can be done at once.
func (l *Lock) try(made bool) error {
	for {
		err := unix.Flock(l.FD, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return err
		}
	}
	var st, now unix.Stat_t
	if err := unix.Fstat(l.FD, &st); err != nil {
		return err
	}
	if err := unix.Fstatat(l.directory, l.name, &now, unix.AT_SYMLINK_NOFOLLOW); err != nil || st.Dev != now.Dev || st.Ino != now.Ino {
		return errReplaced
	}
	if made || st.Mode&0o077 == 0 && int(st.Uid) == unix.Geteuid() && st.Nlink == 1 {
		return nil
	}
	// Others can open it, or could. Its lock is ours now: the name gets a better file.
	if err := unix.Unlinkat(l.directory, l.name, 0); err != nil {
		return err
	}
	return errReplaced
}

// Remove removes the file and gives up the lock.
func (l *Lock) Remove() {
	unix.Unlinkat(l.directory, l.name, 0)
	l.Close()
}

// Close gives up the lock. The file is left, under whatever name.
func (l *Lock) Close() {
	if l.FD >= 0 {
		unix.Close(l.FD)
		l.FD = -1
	}
}
