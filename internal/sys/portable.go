//go:build !fastentry || !linux || !(amd64 || arm64)

package sys

import (
	"os"
	"syscall"
	"unsafe"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/fd"
	"ucspitls/internal/words"
)

// errno is the system's error in err.
func errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EINVAL
}

func retry(f func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := f()
		if err != syscall.EINTR {
			return max(n, 0), errno(err)
		}
	}
}

func Read(n int, p unsafe.Pointer, size int) (int, syscall.Errno) {
	return retry(func() (int, error) { return syscall.Read(n, unsafe.Slice((*byte)(p), size)) })
}

func Write(n int, p unsafe.Pointer, size int) (int, syscall.Errno) {
	return retry(func() (int, error) { return syscall.Write(n, unsafe.Slice((*byte)(p), size)) })
}

func Close(n int) { syscall.Close(n) }

func Open(path string) (int, syscall.Errno) {
	return retry(func() (int, error) { return syscall.Open(path[:len(path)-1], syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
}

func Executable(p []byte) int {
	path, err := os.Executable()
	if err != nil || len(path) > len(p) {
		return 0
	}
	return copy(p, path)
}

func Pages(n uintptr) (uintptr, syscall.Errno) {
	b, err := syscall.Mmap(-1, 0, int(n), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return 0, errno(err)
	}
	return uintptr(unsafe.Pointer(&b[0])), 0
}

func Pipe(p *[2]int32) syscall.Errno { return two(p, fd.Pipe) }

func SocketPair(p *[2]int32) syscall.Errno { return two(p, fd.SocketPair) }

func two(p *[2]int32, f func() (int, int, error)) syscall.Errno {
	a, b, err := f()
	p[0], p[1] = int32(a), int32(b)
	return errno(err)
}

func Inherit(n int) syscall.Errno     { return errno(fd.Inherit(n)) }
func Nonblock(n int) syscall.Errno    { return errno(syscall.SetNonblock(n, true)) }
func IsOpen(n int) bool               { return fd.Open(n) }
func Move(from, to int) syscall.Errno { return errno(fd.Move(from, to)) }
func CloseFrom(low int)               { fd.CloseFrom(low) }
func Shutdown(n, how int)             { syscall.Shutdown(n, how) }
func CloseReceiver(n int)             { fd.CloseReceiver(n) }
func PID() int                        { return os.Getpid() }
func Kill(pid int)                    { syscall.Kill(pid, syscall.SIGKILL) }

// StandIn: the runtime has opened what was closed.
func StandIn(n int) (closed bool, e syscall.Errno) { return entry.Closed(n), 0 }

// CloseAgain: it may be open on purpose.
func CloseAgain(int) {}

func list(vector uintptr) (all []string) {
	l := words.List{V: vector}
	for ; l.Pointer(l.N) != 0; l.N++ {
		all = append(all, l.At(l.N))
	}
	return all
}

func Execute(path, argv, envp uintptr, _ bool) syscall.Errno {
	return errno(syscall.Exec(words.Text(path), list(argv), list(envp)))
}

// Spawn starts a program with the given descriptors on 0, 1, 2 ...
func Spawn(path string, argv []string, envp uintptr, files []int) (int, syscall.Errno) {
	attr := &syscall.ProcAttr{Env: list(envp)}
	for _, n := range files {
		attr.Files = append(attr.Files, uintptr(n))
	}
	pid, err := syscall.ForkExec(path, argv, attr)
	return pid, errno(err)
}

// Vector copies words to where they stay where they are, as the system has them.
func Vector(all []string) (uintptr, syscall.Errno) {
	size := (uintptr(len(all)) + 1) * Pointer
	for _, s := range all {
		size += uintptr(len(s)) + 1
	}
	p, e := Pages(size)
	if e != 0 {
		return 0, e
	}
	at := p + uintptr(len(all)+1)*Pointer
	for i, s := range all {
		*(*uintptr)(words.Pointer(p + uintptr(i)*Pointer)) = at
		copy(unsafe.Slice((*byte)(words.Pointer(at)), len(s)), s)
		at += uintptr(len(s)) + 1
	}
	return p, 0
}

func Wait(pid int) (syscall.WaitStatus, syscall.Errno) {
	var status syscall.WaitStatus
	_, e := retry(func() (int, error) { return syscall.Wait4(pid, &status, 0, nil) })
	return status, e
}

// Reap and Restore: the runtime handles SIGCHLD, and the default action is all
// that can be handed on.
func Reap()    {}
func Restore() {}

func Exit(code int) {
	p := &diag.Printer{}
	if code == diag.OK {
		p.Exit(nil)
	}
	p.Exit(diag.Silent(code))
}

func EffectiveUID() int { return os.Geteuid() }

// SetGroups, SetGID and SetUID change all ids of all threads.
func SetGroups(list []uint32) syscall.Errno {
	all := make([]int, len(list))
	for i, g := range list {
		all[i] = int(g)
	}
	return errno(syscall.Setgroups(all))
}

func BackToRoot() bool { return syscall.Setuid(0) == nil }

func Groups(list []uint32) (int, syscall.Errno) {
	all, err := syscall.Getgroups()
	for i, g := range all[:min(len(all), len(list))] {
		list[i] = uint32(g)
	}
	return len(all), errno(err)
}

func Reason(e syscall.Errno) string { return e.Error() }
