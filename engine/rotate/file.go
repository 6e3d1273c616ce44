package rotate

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"ucspitls/backend/material/ticketfile"
	"ucspitls/engine/diag"
)

// A file is one in a locked folder. All is done relative to the folder's
// descriptor, so that nobody can put another one in its place meanwhile.
//
// The lock is on the folder: the file itself is replaced, and a lock file
// would be litter. It lasts as long as the descriptor is open, so one who is
// killed leaves none, and his unfinished file is removed by the next one.
type file struct {
	path, name string // as it was given, and in the folder
	folder     int
	old        *unix.Stat_t // what is to be replaced; nil: nothing is there
}

// lock opens path's folder and waits until nobody else works in it.
func lock(path string) (*file, error) {
	dir, name := ".", path
	if at := strings.LastIndexByte(path, '/'); at >= 0 {
		dir, name = path[:at+1], path[at+1:]
	}
	if name == "" || name == "." || name == ".." {
		return nil, diag.Fail(diag.Usage, path, " is not the name of a file")
	}
	fd, err := retry(func() (int, error) { return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, diag.FailSys("open "+dir, err)
	}
	if _, err := retry(func() (int, error) { return 0, unix.Flock(fd, unix.LOCK_EX) }); err != nil {
		unix.Close(fd)
		return nil, diag.FailSys("lock "+dir, err)
	}
	return &file{path: path, name: name, folder: fd}, nil
}

func (f *file) unlock() { unix.Close(f.folder) }

// read gives the keys that there are. An empty file has none: somebody may
// have made it for its owner. What is no file of keys is not overwritten.
func (f *file) read() ([]ticketfile.Key, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(f.folder, f.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	})
	switch err {
	case nil:
	case unix.ENOENT:
		return nil, nil
	case unix.ELOOP, unix.EMLINK:
		return nil, f.unusable("is a symbolic link")
	default:
		return nil, diag.FailSys("open "+f.path, err)
	}
	defer unix.Close(fd)
	st := &unix.Stat_t{}
	if err := unix.Fstat(fd, st); err != nil {
		return nil, diag.FailSys("stat "+f.path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, f.unusable("is not a regular file")
	}
	f.old = st
	data := make([]byte, ticketfile.MaxSize+1)
	defer clear(data)
	n := 0
	for n < len(data) {
		got, err := retry(func() (int, error) { return unix.Read(fd, data[n:]) })
		if err != nil {
			return nil, diag.FailSys("read "+f.path, err)
		}
		if got <= 0 {
			break
		}
		n += got
	}
	keys, err := ticketfile.Parse(data[:n])
	if err != nil {
		return nil, f.unusable(err.Error() + "; it is left as it is")
	}
	return keys, nil
}

// replace writes the keys to a new file and gives it the old one's name, for
// a tunnel that starts now to find the one or the other, whole. The old one
// stays where that fails.
func (f *file) replace(keys []ticketfile.Key) error {
	data := ticketfile.Format(keys)
	defer clear(data)
	temporary := f.name + ".new"
	if err := unix.Unlinkat(f.folder, temporary, 0); err != nil && err != unix.ENOENT {
		return diag.FailSys("remove "+f.path+".new", err)
	}
	err := f.write(temporary, data)
	if err == nil {
		if err = unix.Renameat(f.folder, temporary, f.folder, f.name); err != nil {
			err = diag.FailSys("rename "+f.path+".new", err)
		}
	}
	if err != nil {
		unix.Unlinkat(f.folder, temporary, 0)
		return err
	}
	if err := unix.Fsync(f.folder); err != nil && err != unix.EINVAL { // some file systems have no such thing
		return diag.FailSys("sync the folder of "+f.path, err)
	}
	return nil
}

// write makes a file that only its owner can read: the old one's owner where
// we may give files away.
func (f *file) write(name string, data []byte) error {
	path := f.path + ".new"
	fd, err := retry(func() (int, error) {
		return unix.Openat(f.folder, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return diag.FailSys("create "+path, err)
	}
	defer func() {
		if fd >= 0 {
			unix.Close(fd)
		}
	}()
	if err := unix.Fchmod(fd, 0o600); err != nil { // a umask may have taken more
		return diag.FailSys("set the mode of "+path, err)
	}
	if f.old != nil && syscall.Geteuid() == 0 {
		if err := unix.Fchown(fd, int(f.old.Uid), int(f.old.Gid)); err != nil {
			return diag.FailSys("set the owner of "+path, err)
		}
	}
	for len(data) > 0 {
		n, err := retry(func() (int, error) { return unix.Write(fd, data) })
		if err != nil {
			return diag.FailSys("write "+path, err)
		}
		data = data[n:]
	}
	if err := unix.Fsync(fd); err != nil {
		return diag.FailSys("sync "+path, err)
	}
	err, fd = unix.Close(fd), -1
	if err != nil && err != unix.EINTR {
		return diag.FailSys("close "+path, err)
	}
	return nil
}

func (f *file) unusable(why string) error { return diag.Fail(diag.Config, f.path, ": ", why) }

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
