//go:build linux

package cli

import (
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A cage is this executable in one more mode: it runs its arguments on a kernel
// that lacks some system calls, as an old one does, or a container that
// refuses them.

// cageVariable holds the calls that are lacking: a comma list of the names below.
const cageVariable = "UCSPITLS_TEST_CAGE"

var lackable = map[string]uint32{
	"landlock": unix.SYS_LANDLOCK_CREATE_RULESET,
	"seccomp":  unix.SYS_SECCOMP,

	// These do nothing and say that all is well.
	"landlock lie": unix.SYS_LANDLOCK_RESTRICT_SELF,
	"seccomp lie":  unix.SYS_SECCOMP,
	"dumpable lie": unix.SYS_PRCTL,
}

func init() {
	list := os.Getenv(cageVariable)
	if list == "" {
		return
	}
	os.Unsetenv(cageVariable)
	check(lack(strings.Split(list, ",")))
	check(syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
}

// lack makes calls fail with ENOSYS in this thread and what it execs.
func lack(names []string) error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}}
	for _, name := range names {
		errno := uint32(unix.ENOSYS)
		if strings.HasSuffix(name, " lie") {
			errno = 0
		}
		if lackable[name] == unix.SYS_PRCTL { // of all that it does, this
			filter = append(filter,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PRCTL, Jf: 4},
				unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16},
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PR_SET_DUMPABLE, Jf: 1},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno},
				unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0})
			continue
		}
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: lackable[name], Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
}

// caged makes a spec run on a kernel that lacks some calls.
func caged(s spec, lacking string) spec {
	s.args = append([]string{bin + "/" + s.program}, s.args...)
	s.env = append(append([]string{}, s.env...), cageVariable+"="+lacking)
	s.program = self
	return s
}
