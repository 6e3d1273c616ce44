//go:build amd64 || arm64

package sandbox

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where the words of struct seccomp_data are, see seccomp(2). Of an argument
// the lower half is looked at: those that are checked are ints, or flags in it.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

const (
	x32Bit = 0x40000000 // in the number: the x32 ABI of amd64, which says it is the same architecture

	returnErrno = unix.SECCOMP_RET_ERRNO
	returnAllow = unix.SECCOMP_RET_ALLOW
	returnKill  = unix.SECCOMP_RET_KILL_PROCESS
)

// A program is a BPF program of at most maxProgram instructions. It is a
// binary search, so that a call costs six comparisons, not sixty. The kernel
// besides remembers which calls are allowed whatever their arguments.
type program []unix.SockFilter

const maxProgram = 256

func (b *program) emit(code uint16, k uint32, jt, jf uint8) {
	*b = append(*b, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
}

func (b *program) load(offset uint32) { b.emit(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset, 0, 0) }
func (b *program) ret(action uint32)  { b.emit(unix.BPF_RET|unix.BPF_K, action, 0, 0) }

// unless returns action if the comparison with k fails.
func (b *program) unless(comparison uint16, k, action uint32) {
	b.emit(unix.BPF_JMP|comparison|unix.BPF_K, k, 1, 0)
	b.ret(action)
}

// build writes the filter of p for process pid into space.
func build(p Profile, pid uint32, space []unix.SockFilter) program {
	b := program(space[:0])
	b.load(offsetArch)
	b.unless(unix.BPF_JEQ, architecture, returnKill)
	b.load(offsetNumber)
	if architecture == unix.AUDIT_ARCH_X86_64 {
		b.emit(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, x32Bit, 0, 1)
		b.ret(returnKill)
	}
	// A number from after our time: its caller knows how to do without.
	b.emit(unix.BPF_JMP|unix.BPF_JGT|unix.BPF_K, lastKnown, 0, 1)
	b.ret(returnErrno | uint32(unix.ENOSYS))
	var rows [len(table) + len(archTable)]*row
	b.search(choose(p, rows[:0]), pid)
	return b
}

// choose gives the rows of p in the order of their numbers.
func choose(p Profile, rows []*row) []*row {
	add := func(r *row) {
		if r.who&p == 0 {
			return
		}
		rows = append(rows, r)
		for i := len(rows) - 1; i > 0 && rows[i].number < rows[i-1].number; i-- {
			rows[i], rows[i-1] = rows[i-1], rows[i]
		}
	}
	for i := range table {
		add(&table[i])
	}
	for i := range archTable {
		add(&archTable[i])
	}
	return rows
}

// search finds the number that is loaded among rows.
func (b *program) search(rows []*row, pid uint32) {
	if len(rows) == 1 {
		b.unless(unix.BPF_JEQ, rows[0].number, refused)
		b.judge(rows[0], pid)
		return
	}
	half := len(rows) / 2
	at := len(*b)
	b.emit(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, rows[half].number, 0, 0)
	b.search(rows[:half], pid)
	(*b)[at].Jt = uint8(len(*b) - at - 1)
	b.search(rows[half:], pid)
}

// judge decides about a call whose number is r's.
func (b *program) judge(r *row, pid uint32) {
	if r.answer != 0 {
		b.ret(returnErrno | uint32(r.answer))
		return
	}
	if r.mask != 0 {
		want := r.value
		if r.self {
			want = pid
		}
		b.load(offsetArgs + 8*r.arg)
		if r.mask != all {
			b.emit(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, r.mask, 0, 0)
		}
		b.unless(unix.BPF_JEQ, want, returnErrno|uint32(unix.EPERM))
	}
	b.ret(returnAllow)
}

// seccomp puts the filter of p on every thread, and no_new_privs with it.
func seccomp(p Profile) error {
	var space [maxProgram]unix.SockFilter
	b := build(p, uint32(unix.Getpid()), space[:])
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	f := unix.SockFprog{Len: uint16(len(b)), Filter: &b[0]}
	odd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	runtime.KeepAlive(&b)
	if e != 0 {
		return e
	}
	if odd != 0 { // a thread that has a filter of its own
		return unix.EBUSY
	}
	return nil
}
