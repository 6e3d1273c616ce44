package privilege

import (
	"syscall"
	"unsafe"

	"ucspitls/internal/sys"
)

// capabilities are those of this thread, as capget(2) and capset(2) have them.
// At a start all threads have the same, and the changes of ids are the same for all.
type capabilities struct {
	header struct {
		version uint32
		pid     int32
	}
	sets [2]struct{ effective, permitted, inheritable uint32 }
}

const capabilityVersion = 0x20080522

func readCapabilities() (c capabilities, ok bool) {
	c.header.version = capabilityVersion
	_, _, e := syscall.RawSyscall6(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&c.header)), uintptr(unsafe.Pointer(&c.sets)), 0, 0, 0, 0)
	return c, e == 0
}

// capable reports whether there are capabilities, which is so where a "secure
// bit" has them outlive the change of ids.
func capable() bool {
	c, ok := readCapabilities()
	return !ok || c.sets[0].permitted|c.sets[1].permitted|c.sets[0].effective|c.sets[1].effective != 0
}

// dropCapabilities takes what the change of ids has left, for prog's sake the
// inheritable ones too; without the permitted there can be no ambient ones. A
// program with cgo can't do that for all its threads: Drop refuses to go on.
func dropCapabilities() {
	c, ok := readCapabilities()
	if !ok || c.sets == (capabilities{}).sets {
		return
	}
	var none capabilities
	none.header.version = capabilityVersion
	sys.Capset(unsafe.Pointer(&none.header), unsafe.Pointer(&none.sets))
}
