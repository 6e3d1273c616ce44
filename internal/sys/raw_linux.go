//go:build fastentry && (amd64 || arm64)

package sys

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/entry"
)

// What package syscall lacks.
const (
	sysCloseRange = 436

	atCWD         = ^uintptr(99) // AT_FDCWD
	fDupFDCloexec = 1030
	sigDefault    = 0
	sigIgnore     = 1
	beyondLargest = 65536 // where the kernel has no close_range(2)
)

// call is a system call, restarted after a signal. RawSyscall6 knows nothing of
// the scheduler: it is what package syscall calls between fork and exec.
func call(number, a, b, c, d, f uintptr) (uintptr, syscall.Errno) {
	for {
		r, _, e := syscall.RawSyscall6(number, a, b, c, d, f, 0)
		if e != syscall.EINTR || number == syscall.SYS_CLOSE {
			return r, e
		}
	}
}

func error0(_ uintptr, e syscall.Errno) syscall.Errno { return e }

func Read(fd int, p unsafe.Pointer, n int) (int, syscall.Errno) {
	r, e := call(syscall.SYS_READ, uintptr(fd), uintptr(p), uintptr(n), 0, 0)
	return int(r), e
}

func Write(fd int, p unsafe.Pointer, n int) (int, syscall.Errno) {
	r, e := call(syscall.SYS_WRITE, uintptr(fd), uintptr(p), uintptr(n), 0, 0)
	return int(r), e
}

func Close(fd int) { call(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0) }

// Open opens a file for reading; path ends in NUL.
func Open(path string) (int, syscall.Errno) {
	fd, e := call(syscall.SYS_OPENAT, atCWD, uintptr(unsafe.Pointer(unsafe.StringData(path))), syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0)
	return int(fd), e
}

// Executable writes the path of this program to p, and gives its length.
func Executable(p []byte) int {
	const self = "/proc/self/exe\x00"
	n, e := call(syscall.SYS_READLINKAT, atCWD, uintptr(unsafe.Pointer(unsafe.StringData(self))), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// Pages gives memory of the system.
func Pages(n uintptr) (uintptr, syscall.Errno) {
	r, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS, ^uintptr(0), 0)
	return r, e
}

func Pipe(p *[2]int32) syscall.Errno {
	return two(syscall.SYS_PIPE2, uintptr(unsafe.Pointer(p)), syscall.O_CLOEXEC, 0, 0)
}

func SocketPair(p *[2]int32) syscall.Errno {
	return two(syscall.SYS_SOCKETPAIR, syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0, uintptr(unsafe.Pointer(p)))
}

// two is a call that makes two descriptors. As in every Go program the soft limit
// of their number is raised, and prog gets the old one.
func two(number, a, b, c, d uintptr) syscall.Errno {
	_, e := call(number, a, b, c, d, 0)
	if e == syscall.EMFILE && raise(&files, syscall.RLIMIT_NOFILE) {
		_, e = call(number, a, b, c, d, 0)
	}
	return e
}

const rlimitNPROC = 6

// MoreProcesses raises the soft limit of their number, as the entry of the
// others does, and reports whether that is worth another attempt.
func MoreProcesses() bool { return raise(&processes, rlimitNPROC) }

// The limits that were raised, struct rlimit64: what they were.
var files, processes struct{ soft, hard uint64 }

func raise(old *struct{ soft, hard uint64 }, resource uintptr) bool {
	if old.hard != 0 {
		return false
	}
	_, e := call(syscall.SYS_PRLIMIT64, 0, resource, 0, uintptr(unsafe.Pointer(old)), 0)
	if e != 0 || old.soft >= old.hard {
		return false
	}
	now := struct{ soft, hard uint64 }{old.hard, old.hard}
	_, e = call(syscall.SYS_PRLIMIT64, 0, resource, uintptr(unsafe.Pointer(&now)), 0, 0)
	return e == 0
}

func putBack(old *struct{ soft, hard uint64 }, resource uintptr) {
	if old.soft < old.hard {
		call(syscall.SYS_PRLIMIT64, 0, resource, uintptr(unsafe.Pointer(old)), 0, 0)
	}
}

func control(fd int, command, arg uintptr) (uintptr, syscall.Errno) {
	return call(syscall.SYS_FCNTL, uintptr(fd), command, arg, 0, 0)
}

// Inherit clears close-on-exec of fd, and Hold sets it.
func Inherit(fd int) syscall.Errno { return error0(control(fd, syscall.F_SETFD, 0)) }
func hold(fd int)                  { control(fd, syscall.F_SETFD, syscall.FD_CLOEXEC) }

func Nonblock(fd int) syscall.Errno { return error0(control(fd, syscall.F_SETFL, syscall.O_NONBLOCK)) }

func IsOpen(fd int) bool { return error0(control(fd, syscall.F_GETFD, 0)) == 0 }

// Above gives a copy of fd with a number of least or more.
func Above(fd, least int) (int, syscall.Errno) {
	n, e := control(fd, fDupFDCloexec, uintptr(least))
	return int(n), e
}

// Move makes to a copy of from that programs inherit.
func Move(from, to int) syscall.Errno {
	if from == to {
		return Inherit(from)
	}
	return error0(call(syscall.SYS_DUP3, uintptr(from), uintptr(to), 0, 0, 0))
}

// StandIn sees to it that fd, which is 0, 1 or 2, is open, and reports whether it
// was closed. The lower ones are open.
func StandIn(fd int) (closed bool, e syscall.Errno) {
	if IsOpen(fd) {
		return false, 0
	}
	const null = "/dev/null\x00"
	_, e = call(syscall.SYS_OPENAT, atCWD, uintptr(unsafe.Pointer(unsafe.StringData(null))), syscall.O_RDWR, 0, 0)
	return true, e
}

// CloseAgain has the next program find fd closed, as this one has.
func CloseAgain(fd int) { hold(fd) }

// CloseFrom closes all descriptors from low on; nobody else's is among them.
func CloseFrom(low int) {
	if _, e := call(sysCloseRange, uintptr(low), 1<<32-1, 0, 0, 0); e == 0 {
		return
	}
	for n := low; n < beyondLargest; n++ {
		Close(n)
	}
}

func PID() int {
	n, _ := call(syscall.SYS_GETPID, 0, 0, 0, 0, 0)
	return int(n)
}

// Execute becomes another program. For one of ours the soft limits on memory are
// lifted, under which even the execve of a Go program fails.
func Execute(path, argv, envp uintptr, ours bool) syscall.Errno {
	if ours {
		entry.Lift()
	}
	return error0(call(syscall.SYS_EXECVE, path, argv, envp, 0, 0))
}

func Kill(pid int) { call(syscall.SYS_KILL, uintptr(pid), uintptr(syscall.SIGKILL), 0, 0, 0) }

var status uint32

func Wait(pid int) (syscall.WaitStatus, syscall.Errno) {
	_, e := call(syscall.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), 0, 0, 0)
	return syscall.WaitStatus(status), e
}

var action, children [4]uintptr // struct sigaction of the kernel

// Reap gives SIGCHLD its default action: if it is ignored there is nobody to wait
// for. Restore puts back, for prog, what was there and was changed.
func Reap() {
	call(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGCHLD), 0, uintptr(unsafe.Pointer(&children)), 8, 0)
	if children[0] == sigIgnore {
		call(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGCHLD), uintptr(unsafe.Pointer(&action)), 0, 8, 0)
	}
}

func Restore() {
	putBack(&files, syscall.RLIMIT_NOFILE)
	putBack(&processes, rlimitNPROC)
	if children[0] == sigIgnore {
		call(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGCHLD), uintptr(unsafe.Pointer(&children)), 0, 8, 0)
	}
}

// Exit ends the process.
func Exit(code int) {
	for {
		call(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0, 0, 0)
	}
}

var stat syscall.Stat_t

func seen(e syscall.Errno) (Status, bool) {
	return Status{uint64(stat.Dev), stat.Ino, stat.Mode&syscall.S_IFMT == syscall.S_IFSOCK}, e == 0
}

// Stat is what is at path, which ends in NUL, and FStat what fd is.
func Stat(path string) (Status, bool) {
	return seen(error0(call(sysFstatat, atCWD, uintptr(unsafe.Pointer(unsafe.StringData(path))), uintptr(unsafe.Pointer(&stat)), 0, 0)))
}

func FStat(fd int) (Status, bool) {
	return seen(error0(call(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&stat)), 0, 0, 0)))
}

func EffectiveUID() int {
	n, _ := call(syscall.SYS_GETEUID, 0, 0, 0, 0, 0)
	return int(n)
}

// SetGroups, SetGID and SetUID change all ids of the process, which is one thread.
func SetGroups(list []uint32) syscall.Errno {
	return error0(call(syscall.SYS_SETGROUPS, uintptr(len(list)), uintptr(unsafe.Pointer(unsafe.SliceData(list))), 0, 0, 0))
}

func SetGID(id uint32) syscall.Errno { return setAll(syscall.SYS_SETRESGID, id) }
func SetUID(id uint32) syscall.Errno { return setAll(syscall.SYS_SETRESUID, id) }

func setAll(number uintptr, id uint32) syscall.Errno {
	return error0(call(number, uintptr(id), uintptr(id), uintptr(id), 0, 0))
}

// BackToRoot reports whether the process can become root again.
func BackToRoot() bool { return error0(call(syscall.SYS_SETUID, 0, 0, 0, 0, 0)) == 0 }

// Groups writes the supplementary groups to list, and gives their number.
func Groups(list []uint32) (int, syscall.Errno) {
	n, e := call(syscall.SYS_GETGROUPS, uintptr(len(list)), uintptr(unsafe.Pointer(unsafe.SliceData(list))), 0, 0, 0)
	return int(n), e
}

// Capset sets capabilities, those of capset(2).
func Capset(header, sets unsafe.Pointer) {
	call(syscall.SYS_CAPSET, uintptr(header), uintptr(sets), 0, 0, 0)
}

// Reason is what e is called: the words of package syscall, whose table is not
// for others, for the errors that execve(2) and its like are known to give; "" for
// others.
func Reason(e syscall.Errno) string {
	for i := range reasons {
		if reasons[i].e == e {
			return reasons[i].words
		}
	}
	return ""
}
