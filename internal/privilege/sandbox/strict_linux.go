//go:build linux && strictsandbox

package sandbox

import "golang.org/x/sys/unix"

// refused is what becomes of a call that is not in the table: for the tests,
// which would not see that one was refused.
const refused uint32 = unix.SECCOMP_RET_KILL_PROCESS
