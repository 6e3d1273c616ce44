package entry

import (
	"runtime"
	"syscall"
)

// isSubstitute reports whether fd looks like the device that the runtime opens
// in place of a closed descriptor.
func isSubstitute(fd int) bool {
	var null, st syscall.Stat_t
	if syscall.Stat("/dev/null", &null) != nil || syscall.Fstat(fd, &st) != nil {
		return false
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFCHR || st.Rdev != null.Rdev {
		return false
	}
	if runtime.GOOS != "linux" {
		return true // fcntl is not in every package syscall
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	return errno == 0 && flags&syscall.O_ACCMODE == syscall.O_RDWR
}
