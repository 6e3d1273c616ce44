//go:build linux && !strictsandbox

package sandbox

import "golang.org/x/sys/unix"

// refused is what becomes of a call that is not in the table.
const refused = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
