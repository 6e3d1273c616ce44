package sandbox

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_AARCH64

// archTable is what only this architecture has.
var archTable [0]row
