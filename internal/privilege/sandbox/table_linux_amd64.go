package sandbox

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_X86_64

// archTable is what only this architecture has.
var archTable = [...]row{
	{number: unix.SYS_TIME, who: withC, why: "the C library, where the vDSO has no clock"},
}
