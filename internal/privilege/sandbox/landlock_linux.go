//go:build linux && (amd64 || arm64)

package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a version of Landlock's interface brought, see landlock(7). All of it
// is handled and nothing allowed.
const (
	accessFS1   = 1<<13 - 1 // ABI 1: 13 rights
	fsRefer     = 1 << 13   // ABI 2
	fsTruncate  = 1 << 14   // ABI 3
	fsIoctlDev  = 1 << 15   // ABI 5
	accessNet   = 1<<2 - 1  // ABI 4: bind and connect, TCP
	scopeUnix   = 1 << 0    // ABI 6: abstract Unix sockets
	scopeSignal = 1 << 1    // ABI 6: signals
)

// A rulesetAttr is the kernel's struct landlock_ruleset_attr. An older kernel
// knows the first fields of it.
type rulesetAttr struct{ fs, net, scoped uint64 }

const (
	createVersion = 1 << 0 // LANDLOCK_CREATE_RULESET_VERSION
	createErrata  = 1 << 1 // LANDLOCK_CREATE_RULESET_ERRATA

	// signalErratum says that threads of one process may signal each other
	// whatever domains they have. Each thread gets one of its own, and Go's
	// runtime needs those signals.
	signalErratum = 1 << 1
)

// newRuleset makes a set that allows nothing of what this kernel can restrict.
func newRuleset() (fd int, err error) {
	abi, err := createRuleset(nil, 0, createVersion)
	if err != nil {
		return -1, err
	}
	errata, err := createRuleset(nil, 0, createErrata)
	if err != nil {
		errata = 0
	}
	attr, size := attrFor(abi, errata)
	return createRuleset(&attr, size, 0)
}

func attrFor(abi, errata int) (attr rulesetAttr, size uintptr) {
	attr.fs, size = accessFS1, 8
	if abi >= 2 {
		attr.fs |= fsRefer
	}
	if abi >= 3 {
		attr.fs |= fsTruncate
	}
	if abi >= 4 {
		attr.net, size = accessNet, 16
	}
	if abi >= 5 {
		attr.fs |= fsIoctlDev
	}
	if abi >= 6 {
		attr.scoped, size = scopeUnix, 24
		if errata&signalErratum != 0 {
			attr.scoped |= scopeSignal
		}
	}
	return attr, size
}

func createRuleset(attr *rulesetAttr, size, flags uintptr) (int, error) {
	n, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(attr)), size, flags)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
