package material

import (
	"syscall"

	"ucspitls/backend"
	"ucspitls/internal/diag"
)

// maxFile bounds what is read of one file, so that none can keep us reading.
const maxFile = 16 << 20

// A file is open and was not read yet. It owns its descriptor.
type file struct {
	where string // how an error line begins: "CERTFILE: /x/cert.pem"
	path  string
	fd    int   // -1 once it is closed
	size  int64 // a hint; a pipe has none
}

// openFile opens path, the value of variable, for reading. A directory is refused.
// A FIFO is waited for: who sets the variable may want to write the file then.
func openFile(variable, path string) (*file, error) { return openWith(variable, path, 0) }

func openWith(variable, path string, flags int) (*file, error) {
	fd, err := openRetrying(path, syscall.O_RDONLY|flags, 0)
	if err != nil {
		return nil, fileError(variable, "open "+path+": ", err)
	}
	f := &file{where: variable + ": " + path, path: path, fd: fd}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		f.close()
		return nil, fileError(f.where, "", err)
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		f.close()
		return nil, unusable(f.where, "is a directory")
	}
	f.size = st.Size
	return f, nil
}

// unopened is a file that another process opens.
func unopened(variable, path string) *file {
	return &file{where: variable + ": " + path, path: path, fd: -1}
}

// read gives all of the file and closes it. The buffers it outgrew are wiped,
// for it may be a key; the caller wipes the one it gets.
func (f *file) read() ([]byte, error) {
	defer f.close()
	buf := make([]byte, min(max(f.size, 4096), maxFile)+1)
	n := 0
	for {
		got, err := syscall.Read(f.fd, buf[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			clear(buf)
			return nil, fileError(f.where, "", err)
		}
		if got <= 0 {
			return buf[:n], nil
		}
		if n += got; n > maxFile {
			clear(buf)
			return nil, unusable(f.where, "is larger than 16 MiB")
		}
		if n == len(buf) {
			bigger := make([]byte, min(2*n, maxFile+1))
			copy(bigger, buf)
			clear(buf)
			buf = bigger
		}
	}
}

func (f *file) close() {
	if f.fd >= 0 {
		syscall.Close(f.fd)
		f.fd = -1
	}
}

func openRetrying(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC|syscall.O_NOCTTY, mode)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}

// fileError tells the file's faults from shortages of the system.
func fileError(where, what string, err error) error {
	switch err {
	case syscall.ENFILE, syscall.ENOMEM, syscall.EIO:
		return diag.Fail(diag.System, where, ": ", what, diag.Cause(err))
	}
	return unusable(where, backend.Reason(what+diag.Cause(err)))
}
