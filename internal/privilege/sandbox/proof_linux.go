//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrTraced is what [Traced] and [Enter] say of a process that somebody traces:
// whoever does has its memory, and may have the kernel's answers say anything.
var ErrTraced = errors.New("another process traces this one")

const ownStatus = "/proc/self/status"

// Traced gives ErrTraced for a process that is traced, and another error where
// the system can't tell.
func Traced() error {
	s, err := openStatus(ownStatus)
	if err != nil {
		return err
	}
	defer s.close()
	lines, err := s.read()
	if err != nil {
		return err
	}
	return traced(lines)
}

func traced(lines string) error {
	switch v, ok := field(lines, "TracerPid"); {
	case !ok:
		return errors.New(ownStatus + " does not tell who traces")
	case v != "0":
		return ErrTraced
	}
	return nil
}

// A status is a status file of /proc, which can be read when there are no more
// paths: it is made when it is read.
type status int

func openStatus(path string) (status, error) {
	n, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, errors.New("open " + path + ": " + err.Error())
	}
	return status(n), nil
}

func (s status) read() (string, error) {
	var text [4096]byte
	for got := 0; ; {
		n, err := unix.Read(int(s), text[got:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return "", err
		case n <= 0 || got+n == len(text):
			return string(text[:got+max(n, 0)]), nil
		default:
			got += n
		}
	}
}

func (s status) close() { unix.Close(int(s)) }

// field is a line of a status file, its words with one space between them.
func field(lines, name string) (value string, ok bool) {
	for line := range strings.Lines(lines) {
		if value, ok = strings.CutPrefix(line, name+":"); ok {
			return strings.Join(strings.Fields(value), " "), true
		}
	}
	return "", false
}

// A proof asks the kernel what became of what it was asked for. It holds the
// status of every thread; those that come later have what their creators have.
type proof struct {
	dir     int // /proc/self/task
	threads []status
	filters int // that were there before, a container's for example; -1 where they are not counted
}

const tasks = "/proc/self/task"

func newProof() (p *proof, err error) {
	p = &proof{dir: -1, filters: -1}
	if p.dir, err = unix.Open(tasks, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return p, errors.New("open " + tasks + ": " + err.Error())
	}
	own, err := openStatus(ownStatus)
	if err != nil {
		return p, err
	}
	defer own.close()
	lines, err := own.read()
	if err != nil {
		return p, err
	}
	if v, ok := field(lines, "Seccomp_filters"); ok {
		p.filters, _ = strconv.Atoi(v)
	}
	list, err := threads(p.dir)
	if err != nil {
		return p, err
	}
	for _, id := range list {
		s, err := openStatus(tasks + "/" + strconv.Itoa(id) + "/status")
		if err != nil {
			return p, err
		}
		p.threads = append(p.threads, s)
	}
	return p, nil
}

// noPath: what could be opened a moment ago can't be.
func (p *proof) noPath() error {
	n, err := unix.Open(tasks, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(n)
		return errors.New("a path can still be opened")
	}
	return nil
}

// closed: nobody with our ids may look at us, and the limits are what they were
// set to. There is no other way to ask for it behind the filter.
func (p *proof) closed() error {
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); n != 0 || err != nil {
		return errors.New("it can be traced")
	}
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Max != 0 {
		return errors.New("there is no limit on core dumps")
	}
	return nil
}

// inForce: what the status of every thread must say.
func (p *proof) inForce(ids IDs) error {
	filters := ""
	if p.filters >= 0 {
		filters = strconv.Itoa(p.filters + 1)
	}
	want := [...]struct{ name, value string }{
		{"Seccomp", "2"}, {"Seccomp_filters", filters}, {"NoNewPrivs", "1"}, {"TracerPid", "0"}, {"Uid", four(ids.UID)}, {"Gid", four(ids.GID)},
	}
	for _, s := range p.threads {
		lines, err := s.read()
		if err == unix.ESRCH {
			continue // it has ended
		}
		if err != nil {
			return err
		}
		for _, w := range want {
			if got, _ := field(lines, w.name); w.value != "" && got != w.value {
				return errors.New("the system says " + w.name + " " + got + " of a thread")
			}
		}
	}
	return nil
}

// four is an id as real, effective, saved and that of the file system.
func four(id int) string {
	if id < 0 {
		return ""
	}
	n := strconv.Itoa(id)
	return n + " " + n + " " + n + " " + n
}

func (p *proof) close() {
	unix.Close(p.dir)
	for _, s := range p.threads {
		s.close()
	}
}
