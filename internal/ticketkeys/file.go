package ticketkeys

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"ucspitls/internal/diag"
	"ucspitls/internal/lockfile"
	"ucspitls/internal/material/ticketfile"
)

// A file is one in a directory. All is done relative to the directory's descriptor,
// so that nobody can put another one in its place meanwhile.
type file struct {
	path, name string // as it was given, and in the directory
	dir        int
	old        *unix.Stat_t // what is to be replaced; nil: nothing is there
	lock       *lockfile.Lock
}

// open opens path's directory. Who can write to it has the file in his hands.
func open(path string) (*file, error) {
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
	f := &file{path: path, name: name, dir: fd}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		f.close()
		return nil, diag.FailSys("look at "+dir, err)
	}
	if lockfile.Writable(&st) {
		f.close()
		return nil, f.unusable("others can write to its directory: it must be root's or your own (chown), and only its owner may write (chmod go-w)")
	}
	return f, nil
}

// acquire waits until nobody else works on the file. What is locked is the new
// file: the old one may be readable to others, and others can open the directory.
// One who is killed leaves it unlocked, for the next one to go on with.
func (f *file) acquire(w lockfile.Wait) (err error) {
	f.lock, err = lockfile.Take(f.dir, f.name+newSuffix, f.path+newSuffix, w)
	return err
}

// newSuffix makes the name of the new file.
const newSuffix = ".new"

func (f *file) close() {
	if f.lock != nil {
		f.lock.Remove() // unless it has become the file
	}
	unix.Close(f.dir)
}

// read gives the keys that there are. An empty file has none: somebody may
// have made it for its owner. What is no file of keys is not overwritten.
func (f *file) read() ([]ticketfile.Key, error) {
	f.old = nil
	fd, err := retry(func() (int, error) {
		return unix.Openat(f.dir, f.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
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

// replace writes the keys to the new file and gives it the old one's name, for
// a tunnel that starts now to find the one or the other, whole. The old one
// stays where that fails.
func (f *file) replace(keys []ticketfile.Key) error {
	data := ticketfile.Format(keys)
	defer clear(data)
	if err := f.write(data); err != nil {
		return err
	}
	if err := unix.Renameat(f.dir, f.name+newSuffix, f.dir, f.name); err != nil {
		return diag.FailSys("rename "+f.path+newSuffix, err)
	}
	f.lock.Close()
	f.lock = nil
	if err := unix.Fsync(f.dir); err != nil && err != unix.EINVAL { // some file systems have no such thing
		return diag.FailSys("sync the directory of "+f.path, err)
	}
	return nil
}

// write fills the new file, which only its owner can read: the old one's owner
// where we may give files away.
func (f *file) write(data []byte) error {
	path, fd := f.path+newSuffix, f.lock.FD
	if err := unix.Ftruncate(fd, 0); err != nil { // what a killed one has written
		return diag.FailSys("truncate "+path, err)
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
